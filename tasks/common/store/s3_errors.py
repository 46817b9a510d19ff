"""Errors of S3 stores, mapped to errors of `tasks.common.errors` that say how to fix them.

`InputError` if credentials, permissions, space or configuration must be changed; `WorldError` if
a retry may work. Servers differ in their error codes, so sets of codes decide, then
the HTTP status. An unknown code is an InputError: endless retries would hide it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigNotFound,
    ConfigParseError,
    CredentialRetrievalError,
    HTTPClientError,
    InvalidConfigError,
    InvalidRegionError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSLError,
    SSOError,
    TokenRetrievalError,
)

from tasks.common.errors import InputError, MatteflowError, WorldError

_USUAL_PLACES = (
    "the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, ~/.aws/credentials with AWS_PROFILE"
)
_NO_CREDENTIALS = (
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
    TokenRetrievalError,
    ProfileNotFound,
    SSOError,
)
_WRONG_CONFIGURATION = (ConfigNotFound, ConfigParseError, InvalidConfigError, InvalidRegionError)
# Codes of AWS, MinIO, Ceph and SeaweedFS, as far as each was met or is documented.
_WRONG_KEYS = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidSecurity", "AuthFailure"}
_OLD_TOKEN = {"ExpiredToken", "InvalidToken", "TokenRefreshRequired", "ExpiredTokenException"}
_FORBIDDEN = {"AccessDenied", "AllAccessDisabled", "AccountProblem", "Forbidden", "403"}
_WRONG_CLOCK = {"RequestTimeTooSkewed", "RequestExpired"}
_ELSEWHERE = {
    "PermanentRedirect",
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
    "301",
}
_FULL = {"InsufficientStorage", "XMinioStorageFull", "QuotaExceeded", "507"}
_TRANSIENT = {
    "SlowDown",
    "SlowDownWrite",
    "SlowDownRead",
    "InternalError",
    "InternalFailure",
    "ServiceUnavailable",
    "RequestTimeout",
    "OperationAborted",
    "ConditionalRequestConflict",
    "BadDigest",  # the bytes were damaged in transit
    "XAmzContentSHA256Mismatch",
    "TooManyRequests",
    "Throttling",
}
_SERVER_ERROR = 500
_NOT_IMPLEMENTED = 501
_INSUFFICIENT_STORAGE = 507
_AGAIN = "Run the same again: stored objects stay and are not uploaded twice."


def code_of(error: ClientError) -> str:
    """Return the error code of S3, such as NoSuchKey."""
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def explained(location: str) -> Iterator[None]:
    """Turn what boto3 raises into errors of this program; messages call the store `location`.

    The order of the clauses matters: botocore's classes inherit from each other; SSLError is an
    HTTPClientError. Messages of botocore are quoted only if they cannot hold a secret.
    """
    try:
        yield
    except ClientError as error:
        raise _of_client(error, location) from error
    except _NO_CREDENTIALS as error:
        raise InputError(
            f"There are no complete credentials for {location} ({type(error).__name__}). They are "
            f"read from the usual AWS places: {_USUAL_PLACES}, or the machine's role."
        ) from error
    except SSLError as error:
        raise InputError(
            f"The certificate of {location} is not trusted, or it does not use https. Put the "
            "certificate of its authority into a PEM file and name that with AWS_CA_BUNDLE."
        ) from error
    except _WRONG_CONFIGURATION as error:
        raise InputError(
            f"The AWS configuration is not valid: {str(error).rstrip('.')}. Look at "
            "AWS_DEFAULT_REGION and at the file that AWS_CONFIG_FILE names, else ~/.aws/config."
        ) from error
    except HTTPClientError as error:
        if "Invalid header value" in str(error):  # it repeats the value, which may be a secret
            raise InputError(
                "AWS_ACCESS_KEY_ID or AWS_SESSION_TOKEN holds a line end or another character "
                "that cannot be sent. Set it again."
            ) from None
        raise _no_answer(error, location) from error
    except BotoCoreError as error:
        raise _no_answer(error, location) from error


def _no_answer(error: BotoCoreError, location: str) -> WorldError:
    return WorldError(
        f"{location} does not answer ({type(error).__name__}). Is it running, and is the address "
        f"right (AWS_ENDPOINT_URL_S3 or MATTEFLOW_S3_ENDPOINT)? {_AGAIN}"
    )


def _of_client(error: ClientError, location: str) -> MatteflowError:
    answer: dict[str, Any] = error.response.get("ResponseMetadata", {})
    status = int(answer.get("HTTPStatusCode", 0))
    return refusal(
        code_of(error), error.operation_name, location, status, answer.get("HTTPHeaders", {})
    )


def refusal(
    code: str,
    action: str,
    location: str,
    status: int = 0,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> MatteflowError:
    """Return the error for a code such as AccessDenied, at an operation such as PutObject."""
    # Before the transient ones: 507 is a server error by number, but waiting makes no room.
    if code in _FULL or status == _INSUFFICIENT_STORAGE:
        return InputError(f"{location} has no room left ({code}). Make room there. {_AGAIN}")
    # 501 is no fault that passes: the server lacks the operation.
    if code in _TRANSIENT or (status >= _SERVER_ERROR and status != _NOT_IMPLEMENTED):
        return WorldError(f"{location} failed at {action} ({code}), which may pass. {_AGAIN}")
    sentence = _explanation(code, action, location, headers)
    return InputError(sentence or f"{location} refuses {action}: {code}, HTTP status {status}.")


def _explanation(code: str, action: str, location: str, headers: Mapping[str, str]) -> str:
    """Return a message for the common refusals that says how to fix them; else the empty text."""
    if code == "NoSuchBucket":
        return (
            f"There is no bucket for {location}. Create it, or name another with --store or "
            "MATTEFLOW_STORE."
        )
    if code in _WRONG_KEYS:
        return (
            f"{location} does not accept the credentials ({code}). Check the pair in the usual AWS "
            f"places: {_USUAL_PLACES}."
        )
    if code in _OLD_TOKEN:
        return f"The session for {location} has expired ({code}). Log in again, then repeat."
    if code in _FORBIDDEN:
        return (
            f"{location} does not allow {action} to these credentials ({code}). Publishing needs "
            "s3:ListBucket, s3:GetObject and s3:PutObject, removing also s3:DeleteObject."
        )
    if code in _WRONG_CLOCK:
        here = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
        there = headers.get("date", "unknown")
        return (
            f"This machine's clock and that of {location} are too far apart ({code}): here it is "
            f"{here}, there {there}. Set the clock, such as with `timedatectl set-ntp true`."
        )
    if code in _ELSEWHERE:
        region = headers.get("x-amz-bucket-region", "another region")
        return f"The bucket of {location} lies in {region}. Set AWS_DEFAULT_REGION to it."
    return ""
