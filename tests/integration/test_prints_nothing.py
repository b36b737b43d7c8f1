"""The library itself prints nothing, whatever is done with it and however that ends."""

from __future__ import annotations

from pathlib import Path

from s3_integration.config import S3Config
from tests.fixtures.children import environment_of, run_child

EVERYTHING = """
import contextlib, sys
from pathlib import Path
from s3_integration import S3Client, S3IntegrationError

folder = Path(sys.argv[1])
(folder / "up").mkdir()
(folder / "up" / "a").write_bytes(b"a" * 9_000_000)
(folder / "up" / "link").symlink_to("nowhere")
s3 = S3Client()
calls = [
    lambda: s3.bucket.ensure(),
    lambda: s3.upload_directory(folder / "up", "p", progress=lambda seen: None),
    lambda: s3.upload_directory(folder / "up", "p", only_changed=True, dry_run=True),
    lambda: s3.copy_directory("p", "q"),
    lambda: s3.download_directory("q", folder / "down"),
    lambda: s3.delete_directory("q"),
    lambda: s3.upload_file(folder / "up" / "a", "b", progress=lambda done, total: None),
    lambda: s3.write_text("t", "text"),
    lambda: s3.open("t").read(),
    lambda: s3.move_file("t", "u"),
    lambda: s3.set_tags("u", {"a": "b"}),
    lambda: s3.list_versions("u"),
    lambda: s3.delete_file("u"),
    lambda: s3.restore_file("u"),
    lambda: s3.presigned_download_url("u", expires_in_seconds=7 * 24 * 3600),
    lambda: s3.read_text("missing"),
    lambda: s3.upload_directory(folder / "nowhere", "p"),
    lambda: S3Client("no-such-bucket-of-mine").list_files(),
    lambda: s3.check(),
]
for call in calls:
    with contextlib.suppress(S3IntegrationError):
        call()
assert s3.file_exists("b")
"""


def test_a_program_that_does_everything_prints_only_what_it_prints_itself(
    config: S3Config, tmp_path: Path
) -> None:
    ended = run_child(EVERYTHING, tmp_path, environment=environment_of(config))

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
