import json
import unittest
from pathlib import Path

from hello_world import content

GOOD = {"greeting": "Hi", "message": "A page", "colour": "#2457d6"}


class ContentTest(unittest.TestCase):
    def test_the_committed_file_can_be_shown(self):
        content.load(Path(__file__).parent.parent / "content.json")

    def test_each_wrong_field_is_named(self):
        for change, complaint in [
            ({"greeting": ""}, "greeting must be a text of 1 to 200 characters"),
            ({"greeting": "x" * 201}, "greeting must be a text"),
            ({"message": 7}, "message must be a text of 1 to 2000 characters"),
            ({"colour": "red"}, "colour must look like #2457d6, not 'red'"),
            ({"colour": "#2457d6}*{display:none"}, "colour must be a text of 1 to 7 characters"),
            ({"colour": "#12345\n"}, "colour must look like"),
            ({"colour": "#１２３４５６"}, "colour must look like"),
            ({"theme": "dark"}, "fields that the page does not know: theme"),
        ]:
            with self.subTest(change), self.assertRaisesRegex(content.ContentError, complaint):
                content.parse(json.dumps({**GOOD, **change}))

    def test_what_is_no_object_is_refused(self):
        for text in ["", "[]", "{", "null"]:
            with self.subTest(text), self.assertRaises(content.ContentError):
                content.parse(text)

    def test_a_missing_file_is_named(self):
        with self.assertRaisesRegex(content.ContentError, "content.json: "):
            content.load(Path("/nonexistent/content.json"))

    def test_the_ink_is_readable_on_the_colour(self):
        for colour, ink in [("#000000", "#ffffff"), ("#ffffff", "#000000"), ("#2457d6", "#ffffff"), ("#f5c518", "#000000")]:
            with self.subTest(colour):
                self.assertEqual(content.parse(json.dumps({**GOOD, "colour": colour})).ink, ink)
