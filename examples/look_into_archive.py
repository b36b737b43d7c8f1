"""Read one file out of a stored zip archive, and fetch little more than that file."""

from __future__ import annotations

import zipfile

from s3_integration import S3Client

ARCHIVE = "archives/logs.zip"


def main() -> None:
    """Write an archive straight to S3, then list it and read one of its files."""
    s3 = S3Client()
    with s3.open(ARCHIVE, "wb") as file, zipfile.ZipFile(file, "w") as archive:
        for day in range(1, 31):
            archive.writestr(f"2024-06-{day:02}.log", f"day {day}: all is well\n" * 1000)

    with s3.open(ARCHIVE, "rb") as stored, zipfile.ZipFile(stored) as archive:
        print(f"{len(archive.namelist())} files in {ARCHIVE}")
        with archive.open("2024-06-15.log") as log:
            print(log.readline().decode(), end="")


if __name__ == "__main__":
    main()
