"""How many matting calls the rules before matting save, and what of that would have been kept.

python -m benchmarks.savings RECIPE [--run NAME] [--labels LABELS.csv]

`pass later` counts the crops that these rules drop and the later ones would keep; `good` those that
people labelled as fit to keep. In brackets: how many are near duplicates of another crop.
The run must have matted everything (a recipe whose `filter` part is {}), so that what the rules
after matting say of a crop that would not have been matted is known.
"""

import argparse
from collections import Counter
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

from flows.engine.run_record import load_run
from tasks.common.recipe.bounds import RuleBounds
from tasks.common.recipe.models import load_recipe
from tasks.common.records import SourceOutcome
from tasks.common.schema.tables import plain_rows
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
    rows = plain_rows(workspace.items(final)) if final is not None else []
    early = {rule.name: None for rule in RULES.values() if not rule.needs_mask}
    late_only = bounds.model_copy(update=early)
    screened = {
        row["crop_id"]: row for row in rejudge(_unmatted(rows), outcome.source, bounds).rows
    }
    out = {name for name, row in screened.items() if row["verdict"] == "drop"}
    later = rejudge(rows, outcome.source, late_only).rows
    passing = [
        row["crop_id"] for row in later if row["verdict"] == "keep" and row["crop_id"] in out
    ]
    reasons = Counter(screened[name]["reason"] for name in passing)
    good = [name for name in out if truths.get(name, {}).get("truth") == "keep"]
    alone = [name for name in good if not truths[name]["group"]]
    return [
        outcome.source.source_id,
        str(len(rows)),
        str(len(rows) - len(out)),
        f"{100 * len(out) / max(1, len(rows)):.0f} %",
        str(len(passing)),
        str(reasons["near_duplicate"]),
        f"{len(good)} ({len(good) - len(alone)})" if truths else "",
    ]


def _unmatted(rows: list[Row]) -> list[Row]:
    """Take the masks' measures away, so that only the rules before matting speak."""
    masked = {rule.name: None for rule in RULES.values() if rule.needs_mask}
    return [row | masked for row in rows]


if __name__ == "__main__":
    main()
