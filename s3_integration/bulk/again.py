"""What a shard need not do once more whose process died in the middle of it.

Whoever carries it out does not know whether it is the first: executors do not tell. But what was
stored since the call began, and has a file's content, need not be stored a second time.
"""

from __future__ import annotations

from itertools import islice, takewhile
from typing import TYPE_CHECKING

from s3_integration.exceptions import S3IntegrationError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence

    from s3_integration.bulk.plan import Step
    from s3_integration.bulk.storage import Storage
    from s3_integration.models import S3FileInfo

_MOST_STRANGERS = 1000
"""Listed objects between a shard's own; where there are more, the rest is stored anew."""


def to_look_at(
    storage: Storage, keys: Sequence[str], steps: Sequence[Step], since: dt.datetime
) -> list[Step]:
    """The steps, of which those are to be compared that may have been carried out already.

    Args:
        storage: where to.
        keys: the whole key that each step writes.
        steps: in the order of their keys.
        since: when the call began, by S3's clock.
    """
    try:
        stored = {found.key: found for found in _stored_since(storage, keys, since)}
    except S3IntegrationError:  # who may write need not be allowed to list
        return list(steps)
    return [_looked_at(step, stored.get(key)) for key, step in zip(keys, steps, strict=True)]


def _looked_at(step: Step, found: S3FileInfo | None) -> Step:
    if step.deed != "transfer" or found is None or found.size != step.size:
        return step
    return step._replace(deed="compare", etag=found.etag)


def _stored_since(
    storage: Storage, keys: Sequence[str], since: dt.datetime
) -> Iterator[S3FileInfo]:
    # All keys between two of them begin as these two do.
    pairs = zip(keys[0], keys[-1], strict=False)
    prefix = "".join(one for one, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    # S3 leaves out the key itself after which it is to begin; this one comes shortly before.
    after = keys[0][:-1] if len(keys[0]) > len(prefix) + 1 else ""
    listed = storage.list_files(storage.bucket_name, prefix, after=after)
    for found in islice(listed, len(keys) + _MOST_STRANGERS):
        if found.key > keys[-1]:
            return
        if found.last_modified > since:
            yield found
