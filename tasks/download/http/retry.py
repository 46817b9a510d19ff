"""Retries after a response that asks for a later retry (429 or 503 with Retry-After)."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt

from tasks.download.http.rate_limit import RateLimiter

_DEFAULT_WAIT_S = 1.0


class RetryLaterError(Exception):
    """A server asks to repeat the request after so many seconds; the text has its response."""

    def __init__(self, seconds: float, answer: str):
        super().__init__(answer)
        self.seconds = seconds


def retrying(limiter: RateLimiter, host: str, n_attempts: int, max_wait_s: float) -> Retrying:
    """Return a retry policy for calls that raise RetryLaterError; it waits as the server asks.

    A wait beyond `max_wait_s` is not accepted: the error is raised at once, as it is after the last
    attempt. The wait is a pause of the host in the rate limiter, which delays all threads: the
    server limits this machine, not one transfer.
    """

    def is_acceptable(error: BaseException) -> bool:
        return isinstance(error, RetryLaterError) and error.seconds <= max_wait_s

    return Retrying(
        retry=retry_if_exception(is_acceptable),
        wait=_requested_wait_s,
        # No sleep here: the next request waits in the limiter like those of all other threads.
        sleep=lambda seconds: limiter.pause(host, seconds),
        stop=stop_after_attempt(n_attempts),
        reraise=True,
    )


def _requested_wait_s(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    return error.seconds if isinstance(error, RetryLaterError) else 0.0


def retry_after_s(response: httpx.Response) -> float:
    """Return the seconds of a Retry-After header, which has seconds or a date; by default 1."""
    text = response.headers.get("retry-after", "")
    if text.isdecimal():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):  # TypeError: a date without a time zone
        return _DEFAULT_WAIT_S
