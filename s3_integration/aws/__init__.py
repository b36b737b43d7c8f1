"""The edge to AWS: sessions, credentials, retries and the one translation of errors."""
