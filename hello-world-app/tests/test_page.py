import json
import unittest
from datetime import datetime, timedelta, timezone

from hello_world import page
from hello_world.content import Content
from hello_world.preview import Preview

SHA = "0123456789abcdef0123456789abcdef01234567"
NOW = datetime(2026, 11, 22, 5, 0, tzinfo=timezone.utc)
CONTENT = Content("Hi", "A page", "#2457d6")
PREVIEW = Preview("octo-org/hello-world", 42, SHA, NOW + timedelta(minutes=30))


class PageTest(unittest.TestCase):
    def test_shows_the_preview(self):
        html = page.html(CONTENT, PREVIEW, NOW)
        for text in ["octo-org/hello-world", "#42", SHA, "30 min 00 s", "Until 2026-11-22 05:30:00 UTC, unless"]:
            with self.subTest(text):
                self.assertIn(text, html)

    def test_escapes_what_a_pull_request_writes(self):
        html = page.html(Content("<script>alert(1)</script>", '"><img onerror=x>', "#2457d6"), PREVIEW, NOW)
        self.assertNotIn("<script>alert", html)
        self.assertNotIn("<img", html)
        self.assertIn("&lt;script&gt;alert(1)&lt;/script&gt;", html)

    def test_says_what_it_does_not_know(self):
        html = page.html(CONTENT, Preview(None, None, None, None), NOW)
        self.assertIn("unknown", html)
        self.assertIn("not limited", html)

    def test_the_style_carries_the_colour(self):
        self.assertIn("--colour: #2457d6;", page.css(CONTENT))

    def test_info_is_the_same_facts(self):
        self.assertEqual(
            json.loads(page.info(PREVIEW, NOW)),
            {
                "repository": "octo-org/hello-world",
                "pull_request": 42,
                "commit": SHA,
                "expires_at": "2026-11-22T05:30:00+00:00",
                "now": "2026-11-22T05:00:00+00:00",
            },
        )

    def test_time_left(self):
        for seconds, text in [
            (3900, "1 h 05 min"),
            (3600, "1 h 00 min"),
            (3599, "59 min 59 s"),
            (61, "1 min 01 s"),
            (59, "59 s"),
            (0, "planned end reached"),
            (-5, "planned end reached"),
        ]:
            with self.subTest(seconds):
                self.assertEqual(page.time_left(NOW + timedelta(seconds=seconds), NOW), text)
