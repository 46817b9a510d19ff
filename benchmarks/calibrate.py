"""Precision and recall of the rules and of a recipe's verdicts against labels made by eye.

python -m benchmarks.calibrate RECIPE LABELS.csv [--run NAME] [--upper-bodies]

The run must have matted every labelled crop, so that rules after matting can speak on all of them:
take its sources through a copy of the recipe whose `filter` part is empty ({}). The labels' columns
are crop_id, truth (keep, review, drop), faults (words of FAULTS, separated by spaces) and group
(crops of one group show nearly the same, and one of them is enough).
"""

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

from flows.engine.run_record import load_run
from tasks.common.recipe.models import load_recipe
from tasks.common.schema.columns import encode_row
from tasks.common.schema.rows import JudgedCrop
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace
from tasks.filter.task import rejudge

Row = dict[str, Any]

# Which rules ought to fire on a fault; any one of them is enough.
FAULTS = {
    "not_a_person": ("detector_confidence", "body_visible", "upper_body_visible", "mask_empty"),
    "small": ("person_height_px",),
    "dark": ("exposure", "contrast"),
    "cut": ("frame_cut", "frame_cut_mask"),
    "partial": ("body_visible", "upper_body_visible", "frame_cut", "mask_empty"),
    "legs_cut": ("body_visible", "frame_cut", "frame_cut_mask"),
    "overlap": ("person_overlap", "person_overlap_mask"),
    "mask": ("mask_whole", "mask_certainty", "mask_agreement", "keypoints_in_mask"),
    "mask_minor": ("mask_whole", "mask_certainty", "mask_agreement", "keypoints_in_mask"),
}
_NEAR = "near_duplicate"


def main() -> None:
    """Print the three tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe")
    parser.add_argument("labels")
    parser.add_argument("--run")
    parser.add_argument("--upper-bodies", action="store_true", help="legs may be missing")
    asked = parser.parse_args()
    judged = _judged(asked.recipe, asked.run)
    rows = pd.read_csv(asked.labels, keep_default_na=False).to_dict("records")
    labels: list[Row] = [{str(name): value for name, value in row.items()} for row in rows]
    if not asked.upper_bodies:
        labels = [
            label | {"truth": "drop"} if "legs_cut" in label["faults"].split() else label
            for label in labels
        ]
    pairs = [(label, judged[label["crop_id"]]) for label in labels if label["crop_id"] in judged]
    console = Console()
    console.print(f"{len(pairs)} of {len(labels)} labelled crops are in the run.")
    console.print(_verdicts(pairs))
    console.print(_rules(pairs))
    console.print(_faults(pairs))


def _judged(recipe: str, run: str | None) -> dict[str, Row]:
    """Judge all labelled crops by the recipe, from the measures of the run."""
    workspace, bounds = Workspace.of(settings()), load_recipe(recipe).filter
    judged: dict[str, Row] = {}
    for outcome in load_run(workspace, run).outcomes:
        verdicts = outcome.result("filter")
        if verdicts is not None:
            done = rejudge(workspace.rows(JudgedCrop, verdicts), outcome.source, bounds)
            judged |= {crop.crop_id: encode_row(crop) for crop in done.crops}
    return judged


def _verdicts(pairs: list[tuple[Row, Row]]) -> Table:
    """Count verdicts by truth; of a group one crop is enough, the others ought to be dropped."""
    counts: Counter[tuple[str, str]] = Counter()
    for truth, verdict in _with_groups(pairs):
        counts[truth, verdict] += 1
    table = Table("truth", "kept", "review", "dropped", title="Verdicts, groups counted once")
    for truth in ("keep", "review", "drop", "repeat"):
        table.add_row(truth, *(str(counts[truth, v]) for v in ("keep", "review", "drop")))
    kept = sum(n for (_, verdict), n in counts.items() if verdict == "keep")
    usable = sum(n for (truth, _), n in counts.items() if truth == "keep")
    not_bad = counts["keep", "keep"] + counts["review", "keep"]
    seen = counts["keep", "keep"] + counts["keep", "review"]
    table.caption = (
        f"kept and fit to keep or worth a look: {_share(not_bad, kept)}, fit to keep: "
        f"{_share(counts['keep', 'keep'], kept)}; of those fit to keep, kept: "
        f"{_share(counts['keep', 'keep'], usable)}, kept or for review: {_share(seen, usable)}"
    )
    return table


def _with_groups(pairs: list[tuple[Row, Row]]) -> Iterable[tuple[str, str]]:
    groups: dict[str, list[tuple[Row, Row]]] = defaultdict(list)
    for number, (label, row) in enumerate(pairs):
        groups[label["group"] or f"alone {number}"].append((label, row))
    rank = {"keep": 0, "review": 1, "drop": 2}
    for group in groups.values():
        group.sort(key=lambda pair: rank[pair[1]["verdict"]])
        (label, row), *others = group
        yield label["truth"], row["verdict"]
        for _, other in others:
            yield "repeat", other["verdict"]


def _fired(row: Row) -> set[str]:
    return set(json.loads(row["failed_rules"]))


def _rules(pairs: list[tuple[Row, Row]]) -> Table:
    """Of what each rule fires on, how much has a fault that it is there for, or any at all."""
    table = Table("rule", "fires on", "its fault", "any fault", title="Precision by rule")
    for rule in sorted({rule for _, row in pairs for rule in _fired(row)}):
        hit = [label for label, row in pairs if rule in _fired(row)]
        own = [label for label in hit if _is_its_fault(rule, label)]
        bad = [label for label in hit if label["truth"] != "keep" or label["group"]]
        table.add_row(rule, str(len(hit)), _share(len(own), len(hit)), _share(len(bad), len(hit)))
    return table


def _is_its_fault(rule: str, label: Row) -> bool:
    if rule == _NEAR:
        return bool(label["group"])
    return any(rule in FAULTS[fault] for fault in label["faults"].split())


def _faults(pairs: list[tuple[Row, Row]]) -> Table:
    """Of the crops with each fault, how many a rule that is there for it fires on."""
    table = Table("fault", "crops", "found", "not kept", title="Recall by fault")
    for fault, rules in FAULTS.items():
        having = [row for label, row in pairs if fault in label["faults"].split()]
        found = [row for row in having if _fired(row) & set(rules)]
        out = [row for row in having if row["verdict"] != "keep"]
        table.add_row(fault, str(len(having)), _share(len(found), len(having)),
                      _share(len(out), len(having)))  # fmt: skip
    groups = Counter(label["group"] for label, _ in pairs if label["group"])
    repeats = sum(n - 1 for n in groups.values())
    kept = Counter(
        label["group"] for label, row in pairs if label["group"] and _NEAR not in _fired(row)
    )
    missed = sum(max(0, n - 1) for n in kept.values())
    table.add_row("repeats", str(repeats), _share(repeats - missed, repeats), "")
    return table


def _share(part: int, whole: int) -> str:
    return f"{part}/{whole} = {100 * part / whole:.0f} %" if whole else "none"


if __name__ == "__main__":
    main()
