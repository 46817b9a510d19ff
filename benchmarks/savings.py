"""How many matting calls the rules before matting save, and what of that would have been kept.

python -m benchmarks.savings RECIPE [--run NAME] [--labels LABELS.csv]

`pass later` counts the crops that these rules drop and the later ones would keep; `good` those that
people labelled as fit to keep. In brackets: how many are near duplicates of another crop.
The run must have matted everything (a recipe whose `filter` part is {}), so that what the rules
after matting say of a crop that would not have been matted is known.
"""

import argparse
from collections import Counter
from dataclasses import replace
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

from flows.engine.run_record import load_run
from tasks.common.recipe.bounds import RuleBounds
from tasks.common.recipe.models import load_recipe
from tasks.common.records import SourceOutcome
from tasks.common.schema.rows import JudgedCrop
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace
from tasks.filter.rules import RULES
from tasks.filter.task import rejudge

Row = dict[str, Any]


def main() -> None:
    """Print a line per source."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe")
    parser.add_argument("--run")
    parser.add_argument("--labels")
    asked = parser.parse_args()
    workspace, bounds = Workspace.of(settings()), load_recipe(asked.recipe).filter
    truths = _truths(asked.labels)
    table = Table("source", "crops", "matted", "saved", "pass later", "(repeats)",
                  "good (repeats)", title=f"Rules before matting, {asked.recipe}")  # fmt: skip
    for outcome in load_run(workspace, asked.run).outcomes:
        table.add_row(*_line(outcome, workspace, bounds, truths))
    Console().print(table)


def _truths(path: str | None) -> dict[str, Row]:
    if path is None:
        return {}
    rows = pd.read_csv(path, keep_default_na=False).to_dict("records")
    return {str(row["crop_id"]): {str(name): row[name] for name in row} for row in rows}


def _line(
    outcome: SourceOutcome, workspace: Workspace, bounds: RuleBounds, truths: dict[str, Row]
) -> list[str]:
    final = outcome.result("filter")
    crops = workspace.rows(JudgedCrop, final) if final is not None else []
    early = {rule.name: None for rule in RULES.values() if not rule.needs_mask}
    late_only = bounds.model_copy(update=early)
    screened = {
        crop.crop_id: crop for crop in rejudge(_unmatted(crops), outcome.source, bounds).crops
    }
    out = {name for name, crop in screened.items() if crop.verdict == "drop"}
    later = rejudge(crops, outcome.source, late_only).crops
    passing = [crop.crop_id for crop in later if crop.verdict == "keep" and crop.crop_id in out]
    reasons = Counter(screened[name].reason for name in passing)
    good = [name for name in out if truths.get(name, {}).get("truth") == "keep"]
    alone = [name for name in good if not truths[name]["group"]]
    return [
        outcome.source.source_id,
        str(len(crops)),
        str(len(crops) - len(out)),
        f"{100 * len(out) / max(1, len(crops)):.0f} %",
        str(len(passing)),
        str(reasons["near_duplicate"]),
        f"{len(good)} ({len(good) - len(alone)})" if truths else "",
    ]


def _unmatted(crops: list[JudgedCrop]) -> list[JudgedCrop]:
    """Remove the masks' measures, so that only the rules before matting judge."""
    masked = {rule.name: None for rule in RULES.values() if rule.needs_mask}
    return [replace(crop, measures={**crop.measures, **masked}) for crop in crops]


if __name__ == "__main__":
    main()
