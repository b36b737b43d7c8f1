"""An agent's memory: notes that several agents add to, and none of them loses."""

from __future__ import annotations

import json

from s3_integration import S3Client, S3ConflictError, S3FileNotFoundError

NOTES = "agent/notes.json"


def add_note(s3: S3Client, note: str) -> list[str]:
    """Add a note to those that are stored, whoever else adds one at the same time."""
    while True:
        etag: str | None
        notes: list[str]
        try:
            etag = s3.file_info(NOTES).etag
            notes = json.loads(s3.read_text(NOTES))
        except S3FileNotFoundError:
            etag, notes = None, []
        notes.append(note)
        try:
            if etag is None:
                s3.write_text(NOTES, json.dumps(notes), if_exists="fail")
            else:
                s3.write_text(NOTES, json.dumps(notes), if_match=etag)
        except S3ConflictError:
            continue  # another agent was faster: read what it wrote, and try again
        return notes


def main() -> None:
    """Add two notes and print them all."""
    s3 = S3Client()
    s3.bucket.ensure()  # reading creates no bucket
    add_note(s3, "The customer prefers e-mail.")
    for note in add_note(s3, "The invoice was sent."):
        print(f"- {note}")


if __name__ == "__main__":
    main()
