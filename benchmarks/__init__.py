"""The comparison with other S3 clients: `./dev bench`, and its table in docs/performance.md."""
