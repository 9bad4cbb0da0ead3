import tempfile
import unittest
from datetime import datetime, timezone
from pathlib import Path

from hello_world import preview

SHA = "0123456789abcdef0123456789abcdef01234567"


class PreviewTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.commit_file = Path(folder.name, "COMMIT")

    def test_reads_the_environment_and_the_image(self):
        self.commit_file.write_text(SHA + "\n")
        environ = {
            "PREVIEW_REPOSITORY": "octo-org/hello-world",
            "PREVIEW_PULL_REQUEST": "42",
            "PREVIEW_EXPIRES_AT": "2026-11-22T05:30:00Z",
        }
        self.assertEqual(
            preview.load(environ, self.commit_file),
            preview.Preview("octo-org/hello-world", 42, SHA, datetime(2026, 11, 22, 5, 30, tzinfo=timezone.utc)),
        )

    def test_a_pod_cannot_claim_a_commit(self):
        self.assertIsNone(preview.load({"COMMIT": SHA, "PREVIEW_COMMIT": SHA}, self.commit_file).commit)

    def test_an_image_built_without_a_commit_does_not_invent_one(self):
        self.commit_file.write_text("\n")
        self.assertIsNone(preview.load({}, self.commit_file).commit)

    def test_an_abbreviated_commit_is_refused(self):
        self.commit_file.write_text("0123456\n")
        with self.assertRaisesRegex(preview.PreviewError, "not a full commit SHA"):
            preview.load({}, self.commit_file)

    def test_a_wrong_variable_is_named(self):
        for name, value in [
            ("PREVIEW_REPOSITORY", "hello-world"),
            ("PREVIEW_REPOSITORY", "octo-org/<script>"),
            ("PREVIEW_PULL_REQUEST", "-1"),
            ("PREVIEW_PULL_REQUEST", "0"),
            ("PREVIEW_PULL_REQUEST", "²"),
            ("PREVIEW_EXPIRES_AT", "tomorrow"),
            ("PREVIEW_EXPIRES_AT", "2026-11-22T05:30:00"),
            ("PREVIEW_EXPIRES_AT", "2026-13-22T05:30:00Z"),
        ]:
            with self.subTest(name=name, value=value), self.assertRaisesRegex(preview.PreviewError, name):
                preview.load({name: value}, self.commit_file)

    def test_every_form_of_rfc_3339_is_one_moment(self):
        moment = datetime(2026, 11, 22, 5, 30, tzinfo=timezone.utc)
        for text in ["2026-11-22T05:30:00Z", "2026-11-22T05:30:00.123456789Z", "2026-11-22T07:30:00+02:00", "2026-11-22t05:30:00z"]:
            with self.subTest(text):
                self.assertEqual(preview.parse_time(text), moment)
