"""What S3's error codes mean here: the one table behind every translated error.

Sources: Amazon S3 API Reference, "Error responses" and "List of error codes"; the error
shapes of botocore's S3 model; codes seen from moto, Ceph and rclone. `docs/errors.md` is
generated from this table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from s3_integration.exceptions import (
    S3AccessDeniedError,
    S3BucketError,
    S3ConfigError,
    S3ConflictError,
    S3CredentialsError,
    S3FileNotFoundError,
    S3IntegrationError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


class Meaning(NamedTuple):
    """One row: the class to raise, why it happened, and what to do next.

    `why` completes "Cannot …: "; both texts may use `{bucket}`, `{key}`, `{action}` and
    `{resource}`.
    """

    error: type[S3IntegrationError]
    why: str
    next_step: str
    retryable: bool = False


SEE_DOCTOR = " Run 's3i doctor' to see what is wrong."
"""Ends suggestions about what stands around a program: credentials, network, region."""

_WAIT = "Try again in a moment; it was tried several times already."
_CHECK_KEY = "Check the key, for example with list_files(prefix=...)."
_CHECK_REQUEST = "Check the arguments of the call against Amazon S3's documentation of {operation}."
_NEW_KEYS = (
    "Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or the profile; "
    f"make new keys in IAM if these were deleted.{SEE_DOCTOR}"
)
_ALLOW = (
    "Allow {action} on {resource} in the IAM policy of these credentials, "
    "and check that the bucket's policy does not deny it."
)
_BUCKET_SETTING = "Look at the bucket's settings; somebody may have removed it."
_TURN_ON_OWNER = "Ask the account's owner, or AWS support, about the state of the account."

DENIED = Meaning(S3AccessDeniedError, "the permission {action} is missing", _ALLOW)
DENIED_EXPLICITLY = Meaning(
    S3AccessDeniedError,
    "a policy denies {action} in so many words",
    "Take the denial of {action} on {resource} out of the policy that S3 names, or ask who wrote "
    "it; allowing it elsewhere does not help.",
)
NO_KEY = Meaning(S3FileNotFoundError, "nothing is stored under that key", _CHECK_KEY)
DELETED = Meaning(
    S3FileNotFoundError,
    "it was deleted",
    "Bring it back with restore_file(s3_key), if the bucket has kept what it was.",
)
"""Instead of `NO_KEY`, where S3 says that the newest version is a delete marker."""
_NO_BUCKET = Meaning(
    S3BucketError,
    "the bucket does not exist",
    "Check the bucket's name, or let the first upload create it (create_bucket=True).",
)
NO_BUCKET_OR_NO_S3 = Meaning(
    S3BucketError,
    "the bucket does not exist, or what answers there is not S3",
    f"Check the bucket's name and the endpoint (AWS_ENDPOINT_URL_S3).{SEE_DOCTOR}",
)
NO_PLACE = Meaning(
    S3IntegrationError,
    "the server answers 404 and does not say what is missing, as S3 would",
    "Use another key, since some servers cannot store every one, or check the endpoint "
    f"(AWS_ENDPOINT_URL_S3).{SEE_DOCTOR}",
)
"""Of bare 404s to requests that do not need anything to be there but the bucket."""
_NOT_YOURS = Meaning(
    S3BucketError,
    "a bucket of that name belongs to someone else",
    "Choose another bucket name: names are shared by all of AWS.",
)
_ELSEWHERE = Meaning(
    S3BucketError,
    "the bucket lies in another region or behind another endpoint",
    f"Set region (AWS_REGION) to the bucket's region, or correct endpoint_url.{SEE_DOCTOR}",
)
_EXPIRED = Meaning(
    S3CredentialsError,
    "the credentials have expired",
    "Sign in again or fetch new temporary credentials, then repeat the call.",
)
_BAD_KEYS = Meaning(S3CredentialsError, "S3 does not accept the credentials", _NEW_KEYS)
_CLOCK = Meaning(
    S3CredentialsError,
    "this machine's clock is off by more than 15 minutes",
    "Set the clock right, for example by switching time synchronisation (NTP) on.",
)
_BUSY = Meaning(S3IntegrationError, "S3 is busy", _WAIT, retryable=True)
_BROKEN = Meaning(S3IntegrationError, "S3 had an internal failure", _WAIT, retryable=True)
_DAMAGED = Meaning(
    S3IntegrationError,
    "the content was damaged on its way to S3",
    "Try again; if it goes on, look for a proxy that changes requests.",
    retryable=True,
)
_CHANGED = Meaning(
    S3ConflictError,
    "the object exists already, or is no longer the version that was expected",
    "Look at the stored object, then decide to overwrite it or to use another key.",
)
_RACE = Meaning(
    S3ConflictError,
    "somebody else is changing the same thing at this moment",
    _WAIT,
    retryable=True,
)
_UPLOAD_GONE = Meaning(
    S3IntegrationError,
    "the multipart upload is no longer there",
    "Start the upload again; something aborted it, perhaps a lifecycle rule.",
    retryable=True,
)
_BAD_REQUEST = Meaning(S3ConfigError, "S3 does not accept the request", _CHECK_REQUEST)
_TOO_LARGE = Meaning(
    S3ConfigError, "it is larger than S3 allows", "Split it; one object holds at most 50 TB."
)
_BAD_PARTS = Meaning(
    S3IntegrationError,
    "S3 does not accept the parts of the upload",
    "Start the upload again; if it goes on, set part_size_bytes to 8 MiB or more.",
)
_ARCHIVED = Meaning(
    S3IntegrationError,
    "the object is archived and cannot be read at once",
    "Restore it first (S3's RestoreObject), then read it when that has finished.",
)
_KMS = Meaning(
    S3AccessDeniedError,
    "the object's KMS key cannot be used",
    "Check that the key is enabled and that kms:Decrypt and kms:GenerateDataKey are allowed.",
)
_UNSUPPORTED = Meaning(
    S3IntegrationError,
    "this server does not know the request",
    "Use a server that supports {operation}, or do without it.",
)
_ACCOUNT = Meaning(S3AccessDeniedError, "the AWS account may not be used now", _TURN_ON_OWNER)
_NOT_SET = Meaning(S3BucketError, "the bucket has no such setting", _BUCKET_SETTING)
_NOT_FOUND = Meaning(
    S3IntegrationError, "what was asked for is not there", "Check the names in the call."
)
_TOO_MANY_BUCKETS = Meaning(
    S3BucketError,
    "the account has as many buckets as it may have",
    "Delete a bucket, or ask AWS for a higher quota.",
)
_BUCKET_NAME = Meaning(
    S3BucketError,
    "S3 does not accept the bucket's name",
    "Use 3 to 63 lower-case letters, digits and hyphens.",
)

MEANINGS: Mapping[str, Meaning] = {
    # Answers to HEAD have no body: botocore's code is then the bare status.
    "400": Meaning(
        S3IntegrationError,
        "S3 refused the request without saying why",
        f"Check region, endpoint and session token; an expired token looks like this.{SEE_DOCTOR}",
    ),
    "403": DENIED,
    "404": NO_KEY,
    "405": Meaning(
        S3FileNotFoundError,
        "that version is a delete marker, not a file",
        "Choose another version.",
    ),
    "407": Meaning(
        S3IntegrationError,
        "a proxy on the way wants a user name and a password",
        "Put both into the proxy's URL, in HTTP_PROXY.",
    ),
    "409": _RACE,
    "412": _CHANGED,
    "301": _ELSEWHERE,
    "302": _ELSEWHERE,
    "307": _ELSEWHERE,
    "416": Meaning(S3IntegrationError, "the range lies outside the object", _CHECK_KEY),
    "429": _BUSY,
    "500": _BROKEN,
    "501": _UNSUPPORTED,
    "502": _BROKEN,
    "503": _BUSY,
    "504": _BROKEN,
    # Who is asking.
    "AccessDenied": DENIED,
    "Forbidden": DENIED,
    "AllAccessDisabled": _ACCOUNT,
    "AccountProblem": _ACCOUNT,
    "NotSignedUp": _ACCOUNT,
    "NotDeviceOwnerError": DENIED,
    "MethodNotAllowed": Meaning(
        S3AccessDeniedError,
        "this method is not allowed on that resource",
        "Check that the key or version is a file (not a delete marker) and that {action} is meant.",
    ),
    "CrossLocationLoggingProhibited": _BAD_REQUEST,
    "RequestExpired": _CLOCK,
    "RequestTimeTooSkewed": _CLOCK,
    "RequestInTheFuture": _CLOCK,
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
    "TokenRefreshRequired": _EXPIRED,
    "InvalidToken": _BAD_KEYS,
    "InvalidAccessKeyId": _BAD_KEYS,
    "InvalidSecurity": _BAD_KEYS,
    "InvalidPayer": _ACCOUNT,
    "SignatureDoesNotMatch": Meaning(
        S3CredentialsError,
        "the secret access key does not match the access key id (or a proxy changes requests)",
        _NEW_KEYS,
    ),
    "AuthorizationHeaderMalformed": Meaning(
        S3CredentialsError,
        "the signature is not one that S3 expects, most often because of a wrong region",
        f"Set region (AWS_REGION) to the bucket's region.{SEE_DOCTOR}",
    ),
    "AuthorizationQueryParametersError": _BAD_KEYS,
    "CredentialsNotSupported": _BAD_KEYS,
    "MissingSecurityHeader": _BAD_KEYS,
    "MissingSecurityElement": _BAD_KEYS,
    "MissingAuthenticationToken": _BAD_KEYS,
    "UnrecognizedClientException": _BAD_KEYS,
    "AccessControlListNotSupported": Meaning(
        S3AccessDeniedError,
        "the bucket has switched access control lists off",
        "Grant access by a bucket policy instead.",
    ),
    # Which bucket.
    "NoSuchBucket": _NO_BUCKET,
    "BucketAlreadyExists": _NOT_YOURS,
    "BucketAlreadyOwnedByYou": Meaning(
        S3BucketError, "you have created that bucket already", "Use it as it is."
    ),
    "BucketNotEmpty": Meaning(
        S3BucketError, "the bucket still holds something", "Delete its objects and versions first."
    ),
    "InvalidBucketName": _BUCKET_NAME,
    "InvalidBucketState": Meaning(
        S3BucketError, "the bucket's state does not allow that", _BUCKET_SETTING
    ),
    "TooManyBuckets": _TOO_MANY_BUCKETS,
    "IllegalLocationConstraintException": _ELSEWHERE,
    "InvalidLocationConstraint": _ELSEWHERE,
    "InvalidRegion": _ELSEWHERE,
    "IncorrectEndpoint": _ELSEWHERE,
    "PermanentRedirect": _ELSEWHERE,
    "Redirect": _ELSEWHERE,
    "TemporaryRedirect": _ELSEWHERE,
    "NoSuchBucketPolicy": _NOT_SET,
    "NoSuchLifecycleConfiguration": _NOT_SET,
    "NoSuchPublicAccessBlockConfiguration": _NOT_SET,
    "NoSuchTagSet": _NOT_SET,
    "NoSuchTagSetError": _NOT_SET,
    "NoSuchCORSConfiguration": _NOT_SET,
    "NoSuchWebsiteConfiguration": _NOT_SET,
    "NoSuchAccessPoint": _NO_BUCKET,
    "OwnershipControlsNotFoundError": _NOT_SET,
    "ServerSideEncryptionConfigurationNotFoundError": _NOT_SET,
    "ReplicationConfigurationNotFoundError": _NOT_SET,
    "ObjectLockConfigurationNotFoundError": _NOT_SET,
    "MetadataConfigurationNotFound": _NOT_SET,
    # Which object.
    "NoSuchKey": NO_KEY,
    "NoSuchVersion": Meaning(
        S3FileNotFoundError, "that version is not stored under the key", "Choose another version."
    ),
    "NoSuchUpload": _UPLOAD_GONE,
    "NoSuchAnnotation": _NOT_FOUND,
    "NoSuchObjectLockConfiguration": _NOT_SET,
    "InvalidObjectState": _ARCHIVED,
    "ObjectAlreadyInActiveTierError": _BAD_REQUEST,
    "ObjectNotInActiveTierError": _ARCHIVED,
    "RestoreAlreadyInProgress": Meaning(
        S3ConflictError,
        "the object is being restored already",
        "Wait until that has finished.",
        retryable=True,
    ),
    "KeyTooLongError": Meaning(
        S3ConfigError, "the key is longer than 1,024 bytes", "Use a shorter key."
    ),
    "InvalidURI": Meaning(S3ConfigError, "the key cannot be part of a URL", "Use another key."),
    "InvalidRange": Meaning(S3IntegrationError, "the range lies outside the object", _CHECK_KEY),
    # Somebody else.
    "PreconditionFailed": _CHANGED,
    "ConditionalRequestConflict": _RACE,
    "OperationAborted": _RACE,
    "IdempotencyParameterMismatch": _CHANGED,
    "NotModified": _CHANGED,
    "InvalidWriteOffset": _CHANGED,
    # Load and failures of S3.
    "SlowDown": _BUSY,
    "ServiceUnavailable": _BUSY,
    "Busy": _BUSY,
    "Throttling": _BUSY,
    "ThrottlingException": _BUSY,
    "ThrottledException": _BUSY,
    "RequestThrottled": _BUSY,
    "RequestThrottledException": _BUSY,
    "RequestLimitExceeded": _BUSY,
    "TooManyRequestsException": _BUSY,
    "BandwidthLimitExceeded": _BUSY,
    "PriorRequestNotComplete": _BUSY,
    "InternalError": _BROKEN,
    "RequestTimeout": Meaning(
        S3IntegrationError,
        "the connection was too slow or stood still, and S3 gave up waiting",
        "Check the network, then try again; smaller parts (part_size_bytes) help slow lines.",
        retryable=True,
    ),
    "RequestTimeoutException": _BROKEN,
    "NotImplemented": _UNSUPPORTED,
    # What was sent.
    "BadDigest": _DAMAGED,
    "InvalidDigest": _DAMAGED,
    "XAmzContentSHA256Mismatch": _DAMAGED,
    "XAmzContentChecksumMismatch": _DAMAGED,
    "IncompleteBody": _DAMAGED,
    "ContentSHA256Mismatch": _DAMAGED,
    "EntityTooLarge": _TOO_LARGE,
    "EntityTooSmall": _BAD_PARTS,
    "MaxMessageLengthExceeded": _TOO_LARGE,
    "InvalidPart": _BAD_PARTS,
    "InvalidPartOrder": _BAD_PARTS,
    "InvalidPartNumber": _BAD_PARTS,
    "TooManyParts": _BAD_PARTS,
    "MetadataTooLarge": Meaning(
        S3ConfigError, "the metadata is larger than 2 KB", "Store less metadata, or use tags."
    ),
    "InvalidTag": Meaning(
        S3ConfigError,
        "S3 does not accept the tags",
        "At most 10 tags; keys to 128, values to 256 characters.",
    ),
    "InvalidEncryptionAlgorithmError": _BAD_REQUEST,
    "EncryptionTypeMismatch": _BAD_REQUEST,
    "ServerSideEncryptionConfigurationError": _BAD_REQUEST,
    "InvalidStorageClass": _BAD_REQUEST,
    "InvalidRequest": _BAD_REQUEST,
    "InvalidArgument": _BAD_REQUEST,
    "InvalidPrefix": _BAD_REQUEST,
    "InvalidAnnotationName": _BAD_REQUEST,
    "AnnotationNameTooLong": _BAD_REQUEST,
    "AnnotationLimitExceeded": _BAD_REQUEST,
    "InvalidPolicyDocument": _BAD_REQUEST,
    "InvalidTargetBucketForLogging": _BAD_REQUEST,
    "MalformedXML": _BAD_REQUEST,
    "MalformedPolicy": _BAD_REQUEST,
    "MalformedACLError": _BAD_REQUEST,
    "MalformedPOSTRequest": _BAD_REQUEST,
    "MissingContentLength": _BAD_REQUEST,
    "MissingContentMD5": _BAD_REQUEST,
    "MissingRequestBodyError": _BAD_REQUEST,
    "RequestHeaderSectionTooLarge": _BAD_REQUEST,
    "UnexpectedContent": _BAD_REQUEST,
    "UnresolvableGrantByEmailAddress": _BAD_REQUEST,
    "UnsupportedMediaType": _BAD_REQUEST,
    "UnsupportedArgument": _UNSUPPORTED,
    "UnsupportedOperation": _UNSUPPORTED,
    "UnsupportedSignature": _UNSUPPORTED,
    # Keys of AWS KMS.
    "KMS.DisabledException": _KMS,
    "KMS.InvalidKeyUsageException": _KMS,
    "KMS.KMSInvalidStateException": _KMS,
    "KMS.NotFoundException": _KMS,
    "KMS.AccessDeniedException": _KMS,
}

UNKNOWN_CODE = Meaning(
    S3IntegrationError,
    "S3 answered with an error that this package does not know",
    "Look the code up in Amazon S3's list of error codes.",
)
