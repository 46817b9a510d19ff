"""What the page's scripts change: decisions on crops, and taking them back."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from pydantic import Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from flows.desk.api import describe_view
from flows.desk.site import Site, site_of, view_of
from flows.desk.state import Desk
from flows.desk.view import View
from tasks.common.errors import InputError
from tasks.common.records import Record
from tasks.common.schema.decisions import Action
from tasks.common.validation import explain_validation

Word = Literal["keep", "drop", "review", "good", "bad", "person"]
Scope = Literal["one", "track", "similar"]
_ACTIONS: Mapping[Word, Action] = {
    "keep": "keep",
    "drop": "drop",
    "review": "review",
    "good": "good_mask",
    "bad": "bad_mask",
    "person": "needs_person",
}
# More at once is a mistake of scope rather than an answer about similar pictures.
_MOST_CROPS = 5000
_MAX_BODY = 1 << 20


class Wanted(Record):
    """What a key asks for: a decision on the crops that were looked at, and how far it reaches."""

    action: Word
    crops: tuple[str, ...] = Field(min_length=1, max_length=_MOST_CROPS)
    scope: Scope = "one"
    reason: str = Field("", max_length=200)
    author: str = Field("", max_length=80)


class Undone(Record):
    """Who takes back what they decided last."""

    author: str = Field("", max_length=80)


async def read_body(request: Request, kind: type[Any]) -> Any:
    """Read the JSON of a change.

    Raises:
        InputError: it is not what the page sends.
    """
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise InputError("A change is JSON.")
    data = await request.body()
    if len(data) > _MAX_BODY:
        raise InputError(f"A change of {len(data)} bytes is larger than {_MAX_BODY}.")
    try:
        return kind.model_validate_json(data)
    except ValidationError as error:
        raise InputError(explain_validation(error, "the page's request", kind)) from error


def author_of(site: Site, given: str) -> str:
    """Return who decides: the name in the page, else the one the desk was started with."""
    return "".join(letter for letter in given if letter.isprintable()).strip() or site.author


async def decide(request: Request) -> Response:
    """Decide on crops; `track` and `similar` reach all crops of the view in the same group."""
    wanted: Wanted = await read_body(request, Wanted)
    return await run_in_threadpool(_decide, site_of(request), view_of(request), wanted)


def _decide(site: Site, view: View, wanted: Wanted) -> Response:
    desk = site.desk
    rows = rows_of(desk, wanted.crops)
    applied = {} if wanted.scope == "one" else followers(desk, view, rows, wanted.scope)
    if len(rows) + len(applied) > _MOST_CROPS:
        raise InputError(
            f"This answer would reach {len(rows) + len(applied)} crops, at most {_MOST_CROPS} are "
            "possible; narrow the view with filters."
        )
    try:
        changed = desk.decisions.decide(
            rows, applied, _ACTIONS[wanted.action], author_of(site, wanted.author), wanted.reason
        )
    except ValueError as error:
        raise InputError(f"This cannot be decided: {error}.") from error
    return _answer(desk, view, changed, len(applied))


def followers(desk: Desk, view: View, rows: Sequence[int], scope: str) -> dict[int, int]:
    """Return the other crops of a view in the groups of some crops, and whom each follows."""
    codes = desk.facts.groups[scope].codes
    leaders = {int(codes[row]): row for row in reversed(rows)}
    shown = desk.select(view).rows
    in_groups = shown[np.isin(codes[shown], list(leaders))].tolist()
    looked_at = set(rows)
    return {row: leaders[int(codes[row])] for row in in_groups if row not in looked_at}


def rows_of(desk: Desk, crop_ids: Sequence[str]) -> list[int]:
    """Return the rows of crops by id, each once.

    Raises:
        InputError: none of the runs has one of them.
    """
    missing = [crop_id for crop_id in crop_ids if crop_id not in desk.index.row_of]
    if missing:
        raise InputError(f"No crop {missing[0][:80]!r} in the runs of this desk.")
    return [desk.index.row_of[crop_id] for crop_id in dict.fromkeys(crop_ids)]


async def undo(request: Request) -> Response:
    """Take back what its author decided last."""
    wanted: Undone = await read_body(request, Undone)
    site, view = site_of(request), view_of(request)

    def take_back() -> Response:
        rows = site.desk.decisions.undo(author_of(site, wanted.author))
        return _answer(site.desk, view, rows, 0)

    return await run_in_threadpool(take_back)


def _answer(desk: Desk, view: View, rows: Sequence[int], n_applied: int) -> Response:
    return JSONResponse(
        {
            "n": len(rows),
            "applied": n_applied,
            "first": desk.index.crop_ids[rows[0]] if rows else "",
            "revision": desk.decided.revision,
            "tiles": desk.tiles(rows[:400]),
            "view": describe_view(desk, view),
        }
    )
