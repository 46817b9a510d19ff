"""The report: one self-contained page that shows what was kept and dropped, and why."""

from collections import defaultdict
from functools import cache
from importlib.resources import files
from typing import Any, TypeVar

import jinja2

from tasks.common.artifacts import Workspace
from tasks.publish.account import all_drops, funnel, reasons, source_lines
from tasks.publish.pictures import contact_sheet, jpeg_data_uri, thumbnail
from tasks.publish.statistics import overlaps, rule_lines
from tasks.publish.subset import Judged, Subset

T = TypeVar("T")
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


def render_page(template: str, **values: Any) -> str:
    """Fill one of the room's HTML templates."""
    return templates(is_markup=True).get_template(template).render(**values)


@cache
def templates(*, is_markup: bool) -> jinja2.Environment:
    """Return the room's templates, compiled once; in `is_markup` every value is escaped."""
    return jinja2.Environment(
        loader=jinja2.FunctionLoader(_template),
        autoescape=is_markup,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=not is_markup,
    )


def _template(name: str) -> str:
    return files("tasks.publish").joinpath("templates", name).read_text("utf-8")


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
            for judged in spread(crops, limit)
        ],
    }


def spread(items: list[T], limit: int) -> list[T]:
    """Choose at most `limit` items evenly over the whole list rather than its beginning."""
    if len(items) <= limit:
        return items
    return [items[number * len(items) // limit] for number in range(limit)]


def sheets(subset: Subset) -> dict[str, tuple[int, str]]:
    """Return, for kept, review and dropped, the number of crops and a contact sheet as data URI."""
    by_verdict: dict[str, list[Judged]] = defaultdict(list)
    for judged in subset.crops():
        by_verdict[judged.verdict["verdict"]].append(judged)
    return {
        verdict: (
            len(crops),
            contact_sheet(
                spread(crops, _SHEET_CROPS),
                subset.workspace,
                width_px=_SHEET_WIDTH_PX,
                height_px=_SHEET_HEIGHT_PX,
                max_bytes=_SHEET_BYTES,
            ),
        )
        for verdict, crops in sorted(by_verdict.items())
    }
