"""The report: one self-contained page that shows what was kept and dropped, and why."""

from collections import defaultdict
from collections.abc import Iterable
from importlib.resources import files
from typing import Any

import jinja2

from tasks.common.artifacts import Workspace
from tasks.common.records import SourceOutcome
from tasks.publish.account import all_drops, funnel, reasons, source_lines
from tasks.publish.pictures import contact_sheet, jpeg_data_uri, thumbnail
from tasks.publish.select import Judged, judged_crops

_MAX_KEPT = 120
_MAX_PER_REASON = 24
_THUMB_PX = 150
_SHEET_WIDTH_PX = 900
_SHEET_HEIGHT_PX = 110
_SHEET_CROPS = 32
_SHEET_BYTES = 75_000  # about 100 kB as a data URI, which the Prefect UI still shows quickly


def render_report(
    outcomes: tuple[SourceOutcome, ...], workspace: Workspace, *, title: str, note: str = ""
) -> str:
    """Return the page as HTML. The same outcomes give the same bytes: no clock, no host."""
    by_reason: dict[str, list[Judged]] = defaultdict(list)
    for judged in judged_crops(outcomes, workspace):
        by_reason[_group(judged)].append(judged)
    template = files("tasks.publish").joinpath("templates", "report.html.j2").read_text("utf-8")
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(template).render(
        title=title,
        note=note,
        steps=funnel(outcomes, workspace),
        reasons=reasons(all_drops(outcomes, workspace)),
        sources=source_lines(outcomes, workspace),
        groups=[_sheet(name, by_reason[name], workspace) for name in sorted(by_reason)],
    )


def _group(judged: Judged) -> str:
    verdict, reason = judged.verdict["verdict"], judged.verdict["reason"]
    if verdict == "keep":
        return "1 kept"
    return f"2 review: {reason}" if verdict == "review" else f"3 dropped: {reason}"


def _sheet(name: str, crops: list[Judged], workspace: Workspace) -> dict[str, Any]:
    limit = _MAX_KEPT if name == "1 kept" else _MAX_PER_REASON
    return {
        "name": name[2:],
        "n": len(crops),
        "crops": [
            {
                "picture": jpeg_data_uri(thumbnail(judged, workspace, _THUMB_PX)),
                "crop_id": judged.stem,
                "source_id": judged.source.source_id,
                "time_s": judged.crop["time_s"],
                "sentence": judged.verdict["sentence"] or "",
            }
            for judged in spread(crops, limit)
        ],
    }


def spread(crops: list[Judged], limit: int) -> list[Judged]:
    """Choose at most `limit` crops evenly over the whole list rather than its beginning."""
    if len(crops) <= limit:
        return crops
    return [crops[number * len(crops) // limit] for number in range(limit)]


def sheets(outcomes: Iterable[SourceOutcome], workspace: Workspace) -> dict[str, tuple[int, str]]:
    """Return, for kept, review and dropped, the number of crops and a contact sheet as data URI."""
    by_verdict: dict[str, list[Judged]] = defaultdict(list)
    for judged in judged_crops(outcomes, workspace):
        by_verdict[judged.verdict["verdict"]].append(judged)
    return {
        verdict: (
            len(crops),
            contact_sheet(
                spread(crops, _SHEET_CROPS),
                workspace,
                width_px=_SHEET_WIDTH_PX,
                height_px=_SHEET_HEIGHT_PX,
                max_bytes=_SHEET_BYTES,
            ),
        )
        for verdict, crops in sorted(by_verdict.items())
    }
