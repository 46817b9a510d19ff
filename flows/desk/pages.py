"""The desk's pages."""

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from flows.desk import api
from flows.desk.crop_page import describe_crop
from flows.desk.site import LANGUAGE_COOKIE, render, site_of, view_of
from flows.desk.texts import LANGUAGES
from flows.desk.view import GROUPS, LAYERS, OPINIONS, SHOWS, SORTS, View

_FIRST_TILES = 120
_YEAR_S = 365 * 24 * 3600


def gallery(request: Request) -> Response:
    """Show the crops of a view, with its filters."""
    desk, view = site_of(request).desk, view_of(request)
    described = api.describe_view(desk, view)
    first = desk.select(view).rows[:_FIRST_TILES].tolist()
    index, facts = desk.index, desk.facts
    return render(
        request,
        "gallery.html.j2",
        view=view,
        described=described,
        verdicts=("keep", "review", "drop"),
        opinions=OPINIONS,
        rules=index.failing_rules,
        sources=sorted(index.source.names),
        scenes=list(facts.scenes),
        uploaders=sorted(index.uploader.names),
        channels=sorted(index.channel.names),
        sorts=SORTS,
        groups=GROUPS,
        shows=SHOWS,
        layers=LAYERS,
        boot={
            "view": described,
            "query": view.query(),
            "tiles": desk.tiles(first),
            "group": view.group,
            "size": view.size,
            "show": view.show,
            "layers": list(view.layers),
        },
    )


def crop(request: Request) -> Response:
    """Show one crop: all its pictures, every measure beside its bounds, where it comes from."""
    desk, view = site_of(request).desk, view_of(request)
    crop_id = request.path_params["crop_id"]
    return render(request, "crop.html.j2", view=view, **describe_crop(desk, crop_id, view))


def language(request: Request) -> Response:
    """Remember in which language a browser reads the desk, and go back to its page."""
    wanted = request.query_params.get("to", "")
    target = urlsplit(request.query_params.get("next", "/"))
    # Only a place on this desk: never an address that somebody else put into a link.
    place = target.path if target.path.startswith("/") and not target.path.startswith("//") else "/"
    response = RedirectResponse(place + (f"?{target.query}" if target.query else ""), 303)
    if wanted in LANGUAGES:
        response.set_cookie(
            LANGUAGE_COOKIE, wanted, max_age=_YEAR_S, httponly=True, samesite="strict"
        )
    return response


def problem(request: Request, sentence: str, status: int) -> Response:
    """Show why a page cannot be shown."""
    return render(request, "problem.html.j2", status, sentence=sentence, view=View())
