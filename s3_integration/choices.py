"""The choices that callers have; apart from the values, which take longer to import."""

from typing import Literal

IfExists = Literal["overwrite", "fail"]
"""What an upload does when the key is taken already."""

Compare = Literal["size_and_time", "checksum"]
"""How a file that may not have changed is told from one that has."""

EmptySource = Literal["refuse", "allow"]
"""What is done where everything would be deleted, because the source holds nothing."""

Symlinks = Literal["skip", "follow"]
"""What is done with symbolic links in a local folder."""

EmptyPrefix = Literal["refuse", "whole_bucket"]
"""What an empty prefix means where all below it would be deleted."""

WriteCheck = Literal["no", "yes"]
"""Whether a check may store, read and delete a small object of its own."""
