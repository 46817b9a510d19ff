"""The brush: a mask goes to the page as plain px, and comes back as such."""

from datetime import UTC, datetime

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from flows.desk.api import KEEP
from flows.desk.changes import author_of
from flows.desk.site import Site, site_of
from tasks.common.errors import InputError

_MAX_PX = 60_000_000


def mask(request: Request) -> Response:
    """Return the mask of a crop as it stands now: one byte a px, 0 or 1, row after row."""
    pictures = site_of(request).desk.pictures
    codes = pictures.mask(pictures.crop(request.path_params["crop_id"]))
    height, width = codes.shape
    return Response(
        codes.tobytes(),
        media_type="application/octet-stream",
        headers={"x-width": str(width), "x-height": str(height)},
    )


def picture(request: Request) -> Response:
    """Return the picture of a crop in its full size, px for px."""
    pictures = site_of(request).desk.pictures
    data = pictures.whole(pictures.crop(request.path_params["crop_id"]))
    return Response(data, media_type="image/png", headers=KEEP)


async def draw(request: Request) -> Response:
    """Store a mask that was drawn, like one that an annotator sent back."""
    data = await _bytes(request)
    return await run_in_threadpool(_store, site_of(request), request, data)


async def _bytes(request: Request) -> bytes:
    """Read the px of a mask; a body that is too large is not read to its end."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > _MAX_PX:
            raise InputError(f"The mask has more than {_MAX_PX} px.")
        parts.append(part)
    return b"".join(parts)


def _store(site: Site, request: Request, data: bytes) -> Response:
    pictures = site.desk.pictures
    crop = pictures.crop(request.path_params["crop_id"])
    box = crop.crop.crop_box_xyxy
    width, height = int(box.width), int(box.height)
    codes = np.frombuffer(data, np.uint8)
    if len(codes) != width * height or (len(codes) and codes.max() > 1):
        raise InputError(
            f"The mask of {crop.stem} has {width} x {height} px of 0 or 1; what came are "
            f"{len(codes)} bytes up to {codes.max() if len(codes) else 0}."
        )
    author = author_of(site, request.query_params.get("author", ""))
    outcome = pictures.draw(crop, codes.reshape(height, width), author, datetime.now(UTC))
    return JSONResponse({"result": outcome.result, "sentence": outcome.sentence})
