"""The report: one self-contained page that shows what was kept and dropped, and why."""

from collections import defaultdict
from typing import Any

from tasks.common.html.pages import render_page
from tasks.common.html.pictures import evenly, jpeg_data_uri
from tasks.common.workspace.artifacts import Workspace
from tasks.deduplicate.run_crops import Judged, Subset
from tasks.review.contact_sheet import contact_sheet, thumbnail
from tasks.review.funnel import all_drops, funnel, reasons, source_lines
from tasks.review.rule_stats import overlaps, rule_lines

_MAX_KEPT = 120
_MAX_PER_REASON = 24
_THUMB_PX = 150
_SHEET_WIDTH_PX = 900
_SHEET_HEIGHT_PX = 110
_SHEET_CROPS = 32
_SHEET_BYTES = 75_000  # about 100 kB as a data URI, which the Prefect UI still shows quickly


def render_report(subset: Subset, *, title: str, note: str = "") -> str:
    """Return the page as HTML. The same outcomes give the same bytes: no clock, no host."""
    by_reason: dict[str, list[Judged]] = defaultdict(list)
    for judged in subset.crops():
        by_reason[_group(judged)].append(judged)
    return render_page(
        __package__,
        "report.html.j2",
        title=title,
        note=note,
        steps=funnel(subset),
        reasons=reasons(all_drops(subset)),
        sources=source_lines(subset),
        rules=rule_lines(subset),
        overlaps=overlaps(subset),
        groups=[_sheet(name, by_reason[name], subset.workspace) for name in sorted(by_reason)],
    )


def _group(judged: Judged) -> str:
    verdict, reason = judged.verdict["verdict"], judged.verdict["reason"]
    if verdict == "keep":
        return "1 kept"
    return f"2 review: {reason}" if verdict == "review" else f"3 dropped: {reason}"


def _sheet(name: str, crops: list[Judged], workspace: Workspace) -> dict[str, Any]:
    limit = _MAX_KEPT if name == "1 kept" else _MAX_PER_REASON
    return picture_sheet(name[2:], crops, workspace, limit)


def picture_sheet(
    name: str, crops: list[Judged], workspace: Workspace, limit: int
) -> dict[str, Any]:
    """Return what a template needs to show a group of crops, at most `limit` of them."""
    return {
        "name": name,
        "n": len(crops),
        "crops": [
            {
                "picture": jpeg_data_uri(thumbnail(judged, workspace, _THUMB_PX)),
                "crop_id": judged.stem,
                "source_id": judged.source.source_id,
                "time_s": judged.crop["time_s"],
                "sentence": judged.verdict["sentence"] or "",
            }
            for judged in evenly(crops, limit)
        ],
    }


def sheets(subset: Subset) -> dict[str, tuple[int, str]]:
    """Return, for kept, review and dropped, the number of crops and a contact sheet as data URI."""
    by_verdict: dict[str, list[Judged]] = defaultdict(list)
    for judged in subset.crops():
        by_verdict[judged.verdict["verdict"]].append(judged)
    return {
        verdict: (
            len(crops),
            contact_sheet(
                evenly(crops, _SHEET_CROPS),
                subset.workspace,
                width_px=_SHEET_WIDTH_PX,
                height_px=_SHEET_HEIGHT_PX,
                max_bytes=_SHEET_BYTES,
            ),
        )
        for verdict, crops in sorted(by_verdict.items())
    }
