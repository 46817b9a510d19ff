"""What handlers need beside the request: the desk's state, its secrets, its pictures."""

import json
from dataclasses import dataclass, field
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import HTMLResponse

from flows.desk.jobs import Jobs
from flows.desk.security import Access
from flows.desk.state import Desk
from flows.desk.texts import Texts, preferred, texts_of
from flows.desk.thumbnails import Thumbnails
from flows.desk.view import View
from tasks.common.html.pages import render_page

DROP_REASONS = (
    "occluded", "cut", "overlap", "blurred", "distorted", "small", "duplicate", "scene", "other",
)  # fmt: skip
"""Why people drop a crop, as the requirements name it; the words are what is stored."""

HELP_KEYS = (
    (
        "move",
        (("← ↑ ↓ →", "arrows"), ("Home End", "ends"), ("Enter", "open"), ("Esc", "back"),
         ("Space", "select"), ("A", "all"), ("[ ]", "next")),
    ),
    (
        "decide",
        (("K", "keep"), ("D", "drop"), ("R", "review"), ("G", "good"), ("B", "bad"),
         ("P", "person"), ("Z", "undo"), ("C", "scope"), ("E", "brush"), ("O", "order")),
    ),
    ("look", (("1 2 3 4", "layers"), ("S", "show"), ("- +", "size"), ("?", "help"))),
)  # fmt: skip
"""The keys of the desk: where the help has them, how they are shown, what they do."""

LANGUAGE_COOKIE = "matteflow_desk_language"


@dataclass(frozen=True)
class Site:
    """One server's desk; `author` signs decisions of browsers that name nobody else."""

    desk: Desk
    access: Access
    thumbnails: Thumbnails
    author: str
    jobs: Jobs = field(default_factory=Jobs)


def site_of(request: Request) -> Site:
    """Return what the server that answers a request holds."""
    return cast(Site, request.app.state.site)


def texts_for(request: Request) -> Texts:
    """Return the texts in the language of a browser."""
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    return texts_of(preferred(chosen, request.headers.get("accept-language", "")))


def view_of(request: Request) -> View:
    """Return the view in the address of a request."""
    return View.of(request.query_params)


def render(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Return a page of the desk; `boot` is what its script starts with."""
    site, t = site_of(request), texts_for(request)
    boot = {
        "csrf": site.access.csrf,
        "texts": t.for_scripts,
        "names": {key: text for key, text in t.by_key.items() if key.startswith(_NAMED)},
    } | values.pop("boot", {})
    html = render_page(
        "flows.desk",
        template,
        t=t,
        desk=site.desk,
        author=site.author,
        path=request.url.path,
        here=str(request.url.path) + (f"?{request.url.query}" if request.url.query else ""),
        help_keys=HELP_KEYS,
        drop_reasons=DROP_REASONS,
        boot=json.dumps(boot, ensure_ascii=False),
        **values,
    )
    return HTMLResponse(html, status)


_NAMED = ("verdict.", "rule.", "act.", "reason.")
