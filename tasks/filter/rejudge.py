"""What other bounds would make of crops that were measured before: no picture, no model."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from tasks.common.recipe.bounds import RuleBounds
from tasks.common.records import Source
from tasks.filter.judge import is_matted, judge_source, without_mask

Row = dict[str, Any]
_EMPTY = "mask_empty"


class Rejudged(NamedTuple):
    """Verdict rows under other bounds.

    `unmatted` names the crops that would now be let through to matting but never were matted: what
    the rules after matting would say of them is not known before the next ingest.
    """

    rows: list[Row]
    unmatted: frozenset[str]


def rejudge(verdicts: Sequence[Row], source: Source, bounds: RuleBounds) -> Rejudged:
    """Judge the crops of one source anew, from the measures that their verdict rows hold."""
    empty = {row["crop_id"]: row for row in verdicts if _EMPTY in json.loads(row["failed_rules"])}
    matted = {row["crop_id"] for row in verdicts if is_matted(row)}
    rows, unmatted = [], set()
    for row in judge_source(verdicts, source, bounds, matted):
        crop_id = row["crop_id"]
        is_out = row["verdict"] == "drop"
        if not is_out and crop_id not in matted and crop_id not in empty:
            unmatted.add(crop_id)
        rows.append(row if is_out else without_mask(row, empty.get(crop_id)))
    return Rejudged(rows, frozenset(unmatted))
