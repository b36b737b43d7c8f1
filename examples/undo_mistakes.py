"""Undo an overwrite and a deletion: the bucket keeps what a file was before."""

from __future__ import annotations

from s3_integration import S3Client, S3FileNotFoundError

KEY = "contracts/42.txt"


def main() -> None:
    """Spoil a file in two ways, and bring it back."""
    s3 = S3Client()
    s3.write_text(KEY, "the signed contract")

    s3.write_text(KEY, "oops")
    s3.restore_file(KEY)
    print(f"after an overwrite: {s3.read_text(KEY)}")

    s3.delete_file(KEY)
    try:
        s3.read_text(KEY)
    except S3FileNotFoundError as error:
        print(error.suggestion)
    s3.restore_file(KEY)
    print(f"after a deletion: {s3.read_text(KEY)}")

    print(f"{len(s3.list_versions(KEY))} versions are kept")


if __name__ == "__main__":
    main()
