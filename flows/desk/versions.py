"""Published versions on the desk: what the next one would change, publish, compare, roll back."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from flows.desk import rooms
from flows.desk.changes import read_body
from flows.desk.columns import VERDICTS
from flows.desk.recipes import recipe_path, saved_recipes
from flows.desk.site import Site, render, site_of
from flows.desk.state import Desk
from tasks.common.errors import InputError, MatteflowError
from tasks.common.records import Record

_MOST_TILES = 60
_MOST_SAMPLES = 300


class Coming(NamedTuple):
    """What the newest run would change against the last version, by the decisions of now.

    Splits, leakage and test subsets are found out when it is published; they may leave out more.
    """

    base: str
    added: list[str]
    removed: list[str]
    n_same: int


def page(request: Request) -> Response:
    """Show the versions of the run's subset, and what the next one would change."""
    site = site_of(request)
    desk = site.desk
    name = desk.index.records[0].recipe.publish.name
    problem, versions, coming = "", [], None
    try:
        versions = rooms.list_versions(name, desk.store)
        coming = what_comes(desk, name)
        desk.look_for_splits()
    # The store may be down or refuse: the page says so, and jobs are still shown.
    except (MatteflowError, OSError) as error:
        problem = str(error)
    shown = _tiles(desk, coming)
    return render(
        request,
        "versions.html.j2",
        name=name,
        run=desk.index.records[0].run_id,
        versions=versions,
        coming=coming,
        shown=shown,
        problem=problem,
        jobs=[job.plain() for job in site.jobs.newest_first()],
        recipes=saved_recipes(),
        chosen=request.query_params.get("recipe", ""),
    )


def what_comes(desk: Desk, name: str) -> Coming:
    """Compare the kept crops of the newest run with the samples of the last version."""
    index, final = desk.index, desk.decided.final
    is_kept = (final == VERDICTS.index("keep")) & index.has_mask & (index.run_of == 0)
    kept = {index.crop_ids[row] for row in is_kept.nonzero()[0].tolist()}
    base, stems = rooms.last_samples(name, desk.store)
    return Coming(base, sorted(kept - stems), sorted(stems - kept), len(kept & stems))


def _tiles(desk: Desk, coming: Coming | None) -> Mapping[str, list[dict[str, Any]]]:
    if coming is None:
        return {}
    rows_of = desk.index.row_of
    return {
        word: desk.tiles([rows_of[stem] for stem in stems if stem in rows_of][:_MOST_TILES])
        for word, stems in (("added", coming.added), ("removed", coming.removed))
    }


def diff(request: Request) -> Response:
    """Show what differs between two versions."""
    desk = site_of(request).desk
    query = request.query_params
    compared = rooms.compare_versions(query.get("before", ""), query.get("after", ""), desk.store)
    return render(
        request,
        "diff.html.j2",
        diff=compared,
        kinds=[(kind, len(compared.of(kind))) for kind in rooms.KINDS if compared.of(kind)],
        samples=compared.samples[:_MOST_SAMPLES],
        known=desk.index.row_of,
    )


def jobs(request: Request) -> Response:
    """Return all long work, for a page that shows its progress."""
    return JSONResponse({"jobs": [job.plain() for job in site_of(request).jobs.newest_first()]})


class Publish(Record):
    """A publication: of a run, by its own recipe or one that the desk saved."""

    run: str = Field(min_length=1, max_length=100)
    recipe: str = Field("", max_length=100)
    author: str = ""


class RollBack(Record):
    """A channel that shall point to a version again."""

    version: str = Field(pattern=r"^CustomSeg_Person_\d{8}_[A-Za-z0-9-]{1,60}@v\d+$")
    author: str = ""


async def publish(request: Request) -> Response:
    """Start a publication."""
    wanted: Publish = await read_body(request, Publish)
    return await run_in_threadpool(_publish, site_of(request), wanted)


def _publish(site: Site, wanted: Publish) -> Response:
    runs = [record.run_id for record in site.desk.index.records]
    if wanted.run not in runs:
        raise InputError(f"This desk does not show the run {wanted.run[:60]!r}.")
    arguments = ["publish", wanted.run, "--store", site.desk.store]
    if wanted.recipe:
        arguments += ["--recipe", str(recipe_path(wanted.recipe, must_exist=True))]
    return JSONResponse(site.jobs.start("publish", arguments).plain())


async def roll_back(request: Request) -> Response:
    """Start pointing `latest` at a version."""
    wanted: RollBack = await read_body(request, RollBack)
    site = site_of(request)
    arguments = ["rollback", wanted.version, "--store", site.desk.store]
    return JSONResponse(site.jobs.start("rollback", arguments).plain())
