"""Share a file with somebody who has no AWS account: by a link that ends by itself."""

from __future__ import annotations

from urllib.request import urlopen

from s3_integration import S3Client


def main() -> None:
    """Store a report, make a link to it, and read it as anybody with the link can."""
    s3 = S3Client()
    s3.write_text("reports/today.csv", "name,amount\nInvoice 7,120\n", content_type="text/csv")

    link = s3.presigned_download_url(
        "reports/today.csv", expires_in_seconds=3600, file_name="report.csv"
    )

    with urlopen(link) as answer:  # noqa: S310 - the link was made two lines above
        print(answer.read().decode(), end="")


if __name__ == "__main__":
    main()
