"""The desk as an ASGI application: its routes, and how errors reach the page."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from flows.desk import api, bounds, changes, drawing, orders, pages, scenes, versions
from flows.desk.security import Access, Gate
from flows.desk.site import Site
from tasks.common.errors import InputError, MatteflowError

_STATIC = Path(__file__).with_name("static")
Handler = Callable[[Request], Any]

ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/", pages.gallery),
    ("GET", "/crop/{crop_id}", pages.crop),
    ("GET", "/language", pages.language),
    ("GET", "/api/view", api.view),
    ("GET", "/api/tiles", api.tiles),
    ("GET", "/api/revision", api.revision),
    ("GET", "/api/some", api.some),
    ("POST", "/api/decide", changes.decide),
    ("POST", "/api/undo", changes.undo),
    ("GET", "/bounds", bounds.page),
    ("GET", "/api/judge", bounds.judge),
    ("POST", "/api/recipe", bounds.save),
    ("GET", "/scenes", scenes.page),
    ("POST", "/api/scenes", scenes.assign),
    ("POST", "/api/propose", scenes.propose),
    ("GET", "/orders", orders.page),
    ("POST", "/api/order", orders.send),
    ("GET", "/versions", versions.page),
    ("GET", "/diff", versions.diff),
    ("GET", "/api/jobs", versions.jobs),
    ("POST", "/api/publish", versions.publish),
    ("POST", "/api/rollback", versions.roll_back),
    ("GET", "/mask/{crop_id}", drawing.mask),
    ("GET", "/picture/{crop_id}", drawing.picture),
    ("POST", "/api/draw/{crop_id}", drawing.draw),
    ("GET", "/thumb/{crop_id}", api.thumb),
    ("GET", "/overlay/{crop_id}", api.overlay),
    ("GET", "/frame/{crop_id}", api.frame),
)


def make_app(site: Site, access: Access) -> ASGIApp:
    """Return the application of one desk, guarded by its secrets."""
    routes: list[Route | Mount] = [
        Route(path, handler, methods=[method]) for method, path, handler in ROUTES
    ]
    routes.append(Mount("/static", StaticFiles(directory=_STATIC)))
    app = Starlette(
        routes=routes,
        exception_handlers={MatteflowError: _explain, HTTPException: _missing},
    )
    app.state.site = site
    return Gate(app, access)


def _explain(request: Request, error: Exception) -> Response:
    """Return an error of ours as its sentence: pages show it, nothing is hidden in a log."""
    status = 400 if isinstance(error, InputError) else 409
    if request.url.path.startswith("/api/"):
        return JSONResponse({"error": str(error)}, status)
    return pages.problem(request, str(error), status)


def _missing(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return PlainTextResponse(f"{request.url.path[:100]}: there is no such page.", status)
