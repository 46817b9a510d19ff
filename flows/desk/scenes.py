"""Scenes on the desk: how evenly they fill, and assigning them to sources and samples."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from flows.desk import rooms
from flows.desk.changes import Scope, author_of, followers, read_body, rows_of
from flows.desk.columns import VERDICTS
from flows.desk.site import Site, render, site_of, texts_for, view_of
from flows.desk.state import Desk
from flows.desk.view import View
from tasks.common.errors import InputError
from tasks.common.records import Record, SceneTag, Verdict
from tasks.common.schema.layout import SPLITS

_COUNTED: tuple[Verdict, ...] = ("keep", "review")


class SceneLine(NamedTuple):
    """A scene with the numbers of its crops: by verdict, and by split in the last version."""

    id: str
    title: str
    n_keep: int
    n_review: int
    n_train: int
    n_val: int
    share: float  # of the fullest scene, in percent


class SourceLine(NamedTuple):
    """A source with its kept crops, and the scenes of those."""

    source_id: str
    tags: str
    n_keep: int
    scenes: Mapping[str, int]


def page(request: Request) -> Response:
    """Show the counts per scene and split, the scenes of each source, and proposals."""
    site = site_of(request)
    desk = site.desk
    titles = rooms.scene_titles(desk.index, texts_for(request).language)
    return render(
        request,
        "scenes.html.j2",
        scenes=scene_lines(desk, titles),
        titles=titles,
        sources=source_lines(desk),
        proposals=_open_proposals(desk),
        view=View(),
        jobs=[job.plain() for job in site.jobs.newest_first()],
    )


def scene_lines(desk: Desk, titles: Mapping[str, str]) -> list[SceneLine]:
    """Return the scenes in the recipe's order, with the numbers of their crops."""
    final, split = desk.decided.final, desk.facts.split
    flags = desk.facts.scenes
    lines = []
    for name, title in titles.items():
        own = flags.get(name, np.zeros(len(desk.index), bool))
        n_keep, n_review = (int((own & (final == VERDICTS.index(w))).sum()) for w in _COUNTED)
        n_train, n_val = (int((own & split.matches([word])).sum()) for word in SPLITS)
        lines.append(SceneLine(name, title, n_keep, n_review, n_train, n_val, 0.0))
    most = max((line.n_keep for line in lines), default=0) or 1
    return [line._replace(share=round(100 * line.n_keep / most, 1)) for line in lines]


def source_lines(desk: Desk) -> list[SourceLine]:
    """Return the sources that have kept crops, those without a scene first."""
    index, is_kept = desk.index, desk.decided.final == VERDICTS.index("keep")
    lines = []
    for code, source_id in enumerate(index.source.names):
        own = is_kept & (index.source.codes == code)
        n_keep = int(own.sum())
        if n_keep:
            found = {name: int((own & flags).sum()) for name, flags in desk.facts.scenes.items()}
            tags = ", ".join(index.sources[source_id].scenes)
            scenes = {name: n for name, n in found.items() if n}
            lines.append(SourceLine(source_id, tags, n_keep, scenes))
    return sorted(lines, key=lambda line: (bool(line.scenes), -line.n_keep, line.source_id))


class Assign(Record):
    """Scenes that are given to or taken from sources or crops."""

    sources: tuple[str, ...] = Field((), max_length=1000)
    crops: tuple[str, ...] = Field((), max_length=5000)
    scope: Scope = "one"
    add: tuple[SceneTag, ...] = ()
    remove: tuple[SceneTag, ...] = ()
    author: str = Field("", max_length=80)


async def assign(request: Request) -> Response:
    """Give scenes to sources or crops, or take them away."""
    wanted: Assign = await read_body(request, Assign)
    return await run_in_threadpool(_assign, site_of(request), view_of(request), wanted)


def _assign(site: Site, view: View, wanted: Assign) -> Response:
    desk = site.desk
    known = rooms.scene_titles(desk.index, "en")
    unknown = [name for name in (*wanted.add, *wanted.remove) if known and name not in known]
    if unknown:
        raise InputError(
            f"{unknown[0][:60]!r} is no scene of the recipe; known: {', '.join(known)}."
        )
    if not wanted.add and not wanted.remove:
        raise InputError("Name a scene to give or to take away.")
    strangers = [name for name in wanted.sources if name not in desk.index.source.names]
    if strangers:
        raise InputError(f"This desk shows no source {strangers[0][:60]!r}.")
    author = author_of(site, wanted.author)
    rows = rows_of(desk, wanted.crops) if wanted.crops else []
    if rows and wanted.scope != "one":
        rows += list(followers(desk, view, rows, wanted.scope))
    n = desk.decisions.assign_scenes(wanted.sources, rows, wanted.add, wanted.remove, author)
    desk.forget_scenes()
    return JSONResponse({"n": n, "revision": desk.decided.revision})


class Propose(Record):
    """Ask the tagger for scenes of the kept crops."""

    author: str = ""


async def propose(request: Request) -> Response:
    """Start the tagger."""
    await read_body(request, Propose)
    site = site_of(request)
    run = site.desk.index.records[0].run_id
    target = rooms.proposals_file(run)
    target.unlink(missing_ok=True)
    arguments = ["propose-scenes", str(target), "--run", run]
    return JSONResponse(site.jobs.start("propose", arguments).plain())


def _open_proposals(desk: Desk) -> list[dict[str, Any]]:
    """Return the tagger's proposals that no crop has yet, best first, with their tiles."""
    proposals = [
        (row, scene, score)
        for stem, scene, score in rooms.read_proposals(desk.index.records[0].run_id)
        if (row := desk.index.row_of.get(stem)) is not None
        and not desk.facts.scenes.get(scene, np.zeros(len(desk.index), bool))[row]
    ][:120]
    tiles = desk.tiles([row for row, _, _ in proposals])
    return [
        {"tile": tile, "scene": scene, "score": score}
        for tile, (_, scene, score) in zip(tiles, proposals, strict=True)
    ]
