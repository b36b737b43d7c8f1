"""The methods of `S3Client`, a module for each kind; `client` puts them together."""
