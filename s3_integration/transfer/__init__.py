"""Bytes: engines that move them, and the files and checks at both ends."""
