"""removebg over HTTP as a matting model: full size, not cropped, the alpha alone.

The interface is that of https://www.remove.bg/api (its OpenAPI description, version 1.0). An answer
costs a credit; refusals cost nothing.
"""

import logging
from functools import cache
from io import BytesIO
from typing import Any

import cv2
import httpx
import numpy as np
from PIL import Image
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt

from tasks.common.errors import InputError, SourceError, WorldError
from tasks.common.media.images import Rgb, encode_jpeg, encode_png, to_alpha
from tasks.common.settings import Settings
from tasks.matte.credits import DailyCredits
from tasks.matte.session import Prediction

# A PNG of the answer has at most 10 megapixels; larger ones would come back smaller.
_MAX_ANSWER_PX = 10_000_000
_MAX_UPLOAD_BYTES = 22_000_000
_JPEG_QUALITY = 95
_TIMEOUT_S = 120.0
_CONNECT_S = 15.0
_N_ATTEMPTS = 5
_MAX_WAIT_S = 120.0  # of one Retry-After; beyond it the task waits, not this thread
_DEFAULT_WAIT_S = 5.0
_NOBODY = "unknown_foreground"  # the code of its answer to a picture that shows nothing
_REQUEST = {"size": "full", "crop": "false", "channels": "alpha", "format": "png", "type": "person"}
_OK, _PAYMENT, _FORBIDDEN, _LATER, _SERVER = 200, 402, 403, 429, 500


class _LaterError(Exception):
    """The service asks to repeat the request after so many seconds."""

    def __init__(self, seconds: float):
        super().__init__(f"asks to wait {seconds:g} s")
        self.seconds = seconds


def require_key(settings: Settings) -> None:
    """Require that this machine has a key, before any work.

    Raises:
        InputError: it has none.
    """
    if not settings.removebg_key.get_secret_value():
        raise InputError(
            "The recipe names removebg, but this machine has no key for it: set "
            "MATTEFLOW_REMOVEBG_KEY in the environment of each worker."
        )


def ask_removebg(rgb: Rgb, budget: DailyCredits, settings: Settings) -> Prediction:
    """Return the alpha of one crop, uint8 (H, W, 3); 0 everywhere where it sees nobody.

    Raises:
        InputError: there is no key.
        SourceError: the day's limit or the account's credits are used up, the key is refused, or
            the answer is no mask of this picture.
        WorldError: the service does not answer, or is busy for long.
    """
    require_key(settings)
    height, width = rgb.shape[:2]
    sent = _shrunk(rgb)
    policy = Retrying(
        retry=retry_if_exception_type(_LaterError),
        wait=_asked_wait_s,
        stop=stop_after_attempt(_N_ATTEMPTS),
        reraise=True,
    )
    try:
        codes = policy(_request, sent, budget, settings)
    except _LaterError as error:
        raise WorldError(f"removebg is busy: it {error} after {_N_ATTEMPTS} requests.") from error
    alpha = to_alpha(codes)
    if codes.shape != (height, width):
        alpha = cv2.resize(alpha, (width, height), interpolation=cv2.INTER_CUBIC).clip(0.0, 1.0)
    return Prediction(alpha, float(alpha.min()), float(alpha.max()))


def _shrunk(rgb: Rgb) -> Rgb:
    """Return the crop, or a smaller one where the answer could not have its size."""
    height, width = rgb.shape[:2]
    scale = (_MAX_ANSWER_PX / (height * width)) ** 0.5
    if scale >= 1.0:
        return rgb
    size_wh = (int(width * scale), int(height * scale))
    return np.asarray(cv2.resize(rgb, size_wh, interpolation=cv2.INTER_AREA), np.uint8)


def _request(rgb: Rgb, budget: DailyCredits, settings: Settings) -> Any:
    """Send one request, which is counted; return the codes of the alpha, uint8 (H, W)."""
    upload = encode_png(rgb)
    if len(upload) > _MAX_UPLOAD_BYTES:
        upload = encode_jpeg(rgb, _JPEG_QUALITY)
    key = settings.removebg_key.get_secret_value()
    count = budget.reserve()
    try:
        answer = _client().post(
            settings.removebg_url,
            data=_REQUEST,
            files={"image_file": ("crop", upload)},
            headers={"X-Api-Key": key},
        )
    except httpx.ConnectError as error:
        budget.release(count)  # it never arrived
        raise WorldError(f"removebg cannot be reached ({error}).") from error
    except httpx.HTTPError as error:
        # It may have arrived and be charged: it stays counted.
        raise WorldError(f"removebg did not answer ({type(error).__name__}).") from error
    if answer.status_code != _OK:
        budget.release(count)
        return _refused(answer, rgb)
    budget.settle(count, _credits(answer))
    return _alpha_codes(answer.content, rgb)


@cache
def _client() -> httpx.Client:
    # httpx logs each address at INFO. Redirects are not followed: the key would go along.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    return httpx.Client(timeout=httpx.Timeout(_TIMEOUT_S, connect=_CONNECT_S))


def _refused(answer: httpx.Response, rgb: Rgb) -> Any:
    """Return an empty alpha where it saw nobody; else raise what the refusal means for the run."""
    status, code, title = answer.status_code, *_first_error(answer)
    if code == _NOBODY:
        return np.zeros(rgb.shape[:2], np.uint8)
    if status == _LATER:
        seconds = _retry_after_s(answer)
        if seconds > _MAX_WAIT_S:
            raise WorldError(f"removebg is busy: it asks to wait {seconds:g} s.")
        raise _LaterError(seconds)
    if status >= _SERVER:
        raise WorldError(f"removebg failed ({status} {title}).")
    remedy = {
        _PAYMENT: "Buy credits and run again; what was paid for is kept.",
        _FORBIDDEN: "Check MATTEFLOW_REMOVEBG_KEY.",
    }.get(status, "The crop's picture or the request is not what it expects.")
    raise SourceError(f"removebg refused ({status} {title}). {remedy}")


def _first_error(answer: httpx.Response) -> tuple[str, str]:
    """Return code and title of the first error that an answer names, else empty texts."""
    try:
        first = answer.json()["errors"][0]
        return str(first.get("code", "")), str(first.get("title", ""))[:200]
    except (ValueError, LookupError, TypeError, AttributeError):
        return "", ""


def _retry_after_s(answer: httpx.Response) -> float:
    text = answer.headers.get("retry-after", "")
    return float(text) if text.isdecimal() else _DEFAULT_WAIT_S


def _asked_wait_s(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    return error.seconds if isinstance(error, _LaterError) else 0.0


def _credits(answer: httpx.Response) -> float:
    try:
        return max(0.0, float(answer.headers["x-credits-charged"]))
    except (KeyError, ValueError):
        return 1.0  # what the documentation says of a picture in full size


def _alpha_codes(content: bytes, rgb: Rgb) -> Any:
    """Return the codes of an answer, uint8 (H, W); never rescaled, since a crop would fit too."""
    height, width = rgb.shape[:2]
    try:
        with Image.open(BytesIO(content), formats=["PNG"]) as image:
            size, mode = image.size, image.mode
            codes = np.asarray(image.convert("L")) if size == (width, height) else None
    except (OSError, SyntaxError, ValueError) as error:
        raise SourceError(f"removebg answered with no PNG ({error}).") from error
    if codes is None or mode not in ("L", "1", "P", "RGB"):
        raise SourceError(
            f"removebg answered with {size[0]} x {size[1]} px of mode {mode}, expected the alpha "
            f"of {width} x {height} px. It was charged; ask removebg."
        )
    return codes
