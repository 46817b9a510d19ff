"""What the page's scripts ask for: views, tiles and pictures."""

from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from flows.desk.site import site_of, view_of
from flows.desk.state import Desk
from flows.desk.thumbnails import step_for
from flows.desk.view import LAYERS, SHOWS, View
from tasks.common.errors import InputError

_MOST_TILES = 400
# Pictures have a version in their address, so a browser never needs to ask again.
KEEP: Final = {"cache-control": "private, max-age=604800, immutable"}


def view(request: Request) -> Response:
    """Return how many crops a view has, by verdict, and where its groups begin."""
    return JSONResponse(describe_view(site_of(request).desk, view_of(request)))


def describe_view(desk: Desk, wanted: View) -> dict[str, object]:
    """Return a view without its tiles, as plain values."""
    selection, decided = desk.select(wanted), desk.decided
    final = decided.final[selection.rows]
    return {
        "total": len(selection.rows),
        "all": len(desk.index),
        "counts": {
            name: int((final == code).sum()) for code, name in enumerate(("keep", "review", "drop"))
        },
        "decided": int(decided.is_decided[selection.rows].sum()),
        "revision": decided.revision,
        "starts": selection.starts.tolist(),
        "labels": selection.labels if wanted.group else [],
    }


def tiles(request: Request) -> Response:
    """Return a part of a view's tiles: `n` from position `from`."""
    desk = site_of(request).desk
    first, n = _number(request, "from", 0), min(_number(request, "n", 100), _MOST_TILES)
    rows = desk.select(view_of(request)).rows[first : first + n].tolist()
    return JSONResponse({"from": first, "tiles": desk.tiles(rows)})


def revision(request: Request) -> Response:
    """Return the state of everybody's decisions as a number, for pages that look for news."""
    return JSONResponse({"revision": site_of(request).desk.decisions.refresh().revision})


def some(request: Request) -> Response:
    """Return the tiles of some crops, by id, and the counts of a view."""
    desk = site_of(request).desk
    ids = request.query_params.get("ids", "").split(",")[:_MOST_TILES]
    rows = [desk.index.row_of[crop_id] for crop_id in ids if crop_id in desk.index.row_of]
    return JSONResponse({"tiles": desk.tiles(rows), "view": describe_view(desk, view_of(request))})


def _number(request: Request, name: str, usual: int) -> int:
    text = request.query_params.get(name, "")
    if text and not text.isdecimal():
        raise InputError(f"{name} is {text[:20]!r}, expected a whole number.")
    return int(text) if text else usual


def thumb(request: Request) -> Response:
    """Return the picture of a crop at one of a few sizes."""
    site = site_of(request)
    pictures = site.desk.pictures
    crop = pictures.crop(request.path_params["crop_id"])
    show = request.query_params.get("show", "picture")
    if show not in SHOWS:
        raise InputError(f"show is {show[:20]!r}, expected one of {', '.join(SHOWS)}.")
    longer_px = step_for(_number(request, "px", 320))
    machine = request.query_params.get("machine") == "1"
    name = f"{site.desk.picture_version(crop)}-{crop.stem}-{show}-{longer_px}-{machine:d}.jpg"
    data = site.thumbnails.get(
        name, lambda: pictures.preview(crop, show, longer_px, machine=machine)
    )
    return Response(data, media_type="image/jpeg", headers=KEEP)


def overlay(request: Request) -> Response:
    """Return layers of a crop as SVG."""
    pictures = site_of(request).desk.pictures
    wanted = request.query_params.get("layers", "").split(",")
    layers = [layer for layer in LAYERS if layer in wanted]
    crop = pictures.crop(request.path_params["crop_id"])
    machine = request.query_params.get("machine") == "1"
    data = pictures.overlay(crop, layers, machine=machine)
    return Response(data, media_type="image/svg+xml", headers=KEEP)


def frame(request: Request) -> Response:
    """Return the frame of a crop with the person's box."""
    pictures = site_of(request).desk.pictures
    data = pictures.frame(pictures.crop(request.path_params["crop_id"]), 1280)
    return Response(data, media_type="image/jpeg", headers=KEEP)
