"""The report: one self-contained page that shows what was kept and dropped, and why."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pydantic import TypeAdapter

from tasks.common.html.pages import render_page
from tasks.common.html.pictures import evenly, jpeg_data_uri
from tasks.common.recipe.bounds import RuleBounds
from tasks.common.records import SourceOutcome
from tasks.common.schema.rows import RunCrop
from tasks.common.schema.run_crops import RunCrops
from tasks.common.workspace.artifacts import Workspace
from tasks.review.contact_sheet import contact_sheet, thumbnail
from tasks.review.funnel import all_drops, funnel, reasons, source_lines
from tasks.review.rule_stats import overlaps, rule_lines
from tasks.review.sphere_map import sphere_map

# Pictures are embedded in the page: these bounds keep it small enough for a browser.
_MAX_KEPT = 120
_MAX_PER_REASON = 24
_THUMB_PX = 150
_SHEET_WIDTH_PX = 900
_SHEET_HEIGHT_PX = 110
_SHEET_CROPS = 32
_SHEET_BYTES = 75_000  # about 100 kB as a data URI, which the Prefect UI still shows quickly


class Thumbnail(NamedTuple):
    """A small picture of a crop as a data URI, and what stands below it."""

    picture: str
    crop_id: str
    source_id: str
    time_s: float
    sentence: str


class PictureGroup(NamedTuple):
    """Crops with the same verdict and reason: their number, and pictures of some of them."""

    name: str
    n: int
    crops: tuple[Thumbnail, ...]


PICTURE_GROUPS = TypeAdapter(tuple[PictureGroup, ...])
"""How drawn groups are stored, so that another page shows them without reading a picture."""


def render_report(
    outcomes: Sequence[SourceOutcome],
    run: RunCrops,
    groups: Sequence[PictureGroup],
    bounds: RuleBounds,
    workspace: Workspace,
    *,
    title: str,
    note: str = "",
) -> str:
    """Return the page as HTML. The same outcomes give the same bytes: no clock, no host.

    `groups` are the pictures as `draw_groups` drew them for these crops.
    """
    return render_page(
        __package__,
        "report.html.j2",
        title=title,
        note=note,
        steps=funnel(outcomes, run.crops),
        reasons=reasons(all_drops(outcomes, run, workspace)),
        sources=source_lines(outcomes, run),
        rules=rule_lines(run.crops, bounds),
        overlaps=overlaps(run.crops),
        groups=groups,
        sphere=sphere_map(run.crops),
    )


def draw_groups(crops: Iterable[RunCrop], workspace: Workspace) -> tuple[PictureGroup, ...]:
    """Draw the pictures of a report: kept crops, then those for review and dropped by reason.

    Raises:
        ArtifactError: a picture is gone or damaged.
    """
    # The rank is part of the key, so that sorting the keys orders the page.
    by_group: dict[tuple[int, str], list[RunCrop]] = defaultdict(list)
    for crop in crops:
        by_group[_group(crop)].append(crop)
    return tuple(
        draw_group(name, by_group[rank, name], workspace, _MAX_PER_REASON if rank else _MAX_KEPT)
        for rank, name in sorted(by_group)
    )


def _group(crop: RunCrop) -> tuple[int, str]:
    """Return the place of a crop's group on the page, and its name."""
    verdict, reason = crop.verdict.verdict, crop.verdict.reason
    if verdict == "keep":
        return 0, "kept"
    return (1, f"review: {reason}") if verdict == "review" else (2, f"dropped: {reason}")


def draw_group(
    name: str, crops: Sequence[RunCrop], workspace: Workspace, limit: int
) -> PictureGroup:
    """Draw a group of crops, at most `limit` of them, chosen evenly over the whole list."""
    thumbnails = tuple(
        Thumbnail(
            picture=jpeg_data_uri(thumbnail(crop, workspace, _THUMB_PX)),
            crop_id=crop.stem,
            source_id=crop.source_id,
            time_s=crop.crop.time_s,
            sentence=crop.verdict.sentence or "",
        )
        # Evenly over the list, not the first ones: these would all come from the first sources.
        for crop in evenly(list(crops), limit)
    )
    return PictureGroup(name, len(crops), thumbnails)


def contact_sheets(crops: Iterable[RunCrop], workspace: Workspace) -> dict[str, bytes]:
    """Return for each verdict that some crop has a contact sheet as JPEG."""
    by_verdict: dict[str, list[RunCrop]] = defaultdict(list)
    for crop in crops:
        by_verdict[crop.verdict.verdict].append(crop)
    return {
        verdict: contact_sheet(
            evenly(by_verdict[verdict], _SHEET_CROPS),
            workspace,
            width_px=_SHEET_WIDTH_PX,
            height_px=_SHEET_HEIGHT_PX,
            max_bytes=_SHEET_BYTES,
        )
        for verdict in sorted(by_verdict)
    }
