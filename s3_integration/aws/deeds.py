"""What was being done when it failed, in the words of people."""

from __future__ import annotations

from s3_integration.aws.permissions import MISSING_PERMISSION, place_of

_DEEDS = {
    "PutObject": "upload {key} to",
    "CreateMultipartUpload": "upload {key} to",
    "UploadPart": "upload {key} to",
    "CompleteMultipartUpload": "upload {key} to",
    "AbortMultipartUpload": "give up the upload of {key} to",
    "GetObject": "read {key} from",
    "HeadObject": "look at {key} in",
    "DeleteObject": "delete {key} from",
    "DeleteObjects": "delete {key} from",
    "upload folder": "upload a folder to",
    "download folder": "download a folder from",
    "delete file": "delete the file that is not stored as {key} in",
    "CopyObject": "copy to {key} in",
    "UploadPartCopy": "copy to {key} in",
    "GetObjectTagging": "read the tags of {key} in",
    "PutObjectTagging": "set the tags of {key} in",
    "ListObjectsV2": "list",
    "ListObjectVersions": "list the versions in",
    "ListMultipartUploads": "list the unfinished uploads in",
    "HeadBucket": "reach",
    "CreateBucket": "create",
    "GetCallerIdentity": "ask AWS STS who wants to use",
    "connect": "use",
    "upload": "upload {key} to",
    "download": "download {key} from",
    "read": "read {key} from",
    "open": "read {key} from",
    "list": "list",
    "exists": "look at {key} in",
    "info": "look at {key} in",
    "delete": "delete {key} from",
    "copy": "copy to {key} in",
    "move": "move to {key} in",
    "restore": "restore {key} in",
    "get tags": "read the tags of {key} in",
    "set tags": "set the tags of {key} in",
    "presign": "make a link to {key} in",
}


def deed_told(operation: str, bucket: str, key: str) -> str:
    """The beginning of an error's message: what could not be done.

    Args:
        operation: S3's name of it, or ours.
        bucket: the bucket it was done to.
        key: the object it was done to; "" where there is none.
    """
    deed = (_DEEDS.get(operation) or _to_settings(operation)).replace("{key}", repr(key))
    return f"Cannot {deed} bucket {bucket!r}"


def _to_settings(operation: str) -> str:
    is_of_bucket = place_of(MISSING_PERMISSION.get(operation, "s3:GetObject")) == "bucket"
    verb = {"Get": "read", "Put": "change"}.get(operation[:3])
    if verb and is_of_bucket:
        return f"{verb} the settings ({operation}) of"
    return f"run {operation} on"
