"""Many stored measures judged again: the same verdicts, and nothing but tables to judge by."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from flows.preview import preview
from tasks.common.records import Drop, Source, SourceOutcome
from tasks.common.schema.columns import columns_of, encode_row, plain_rows
from tasks.common.schema.rows import MeasuredCrop
from tasks.common.workspace.artifacts import Workspace
from tasks.filter.judge import drop_empty_mask
from tasks.filter.rejudge import rejudge
from tests.dataset.builders import source, verdicts_only
from tests.dataset.crops import MEASURED_ON_MASK, Crop, verdict_row
from tests.filter.builders import judge_rows, judged_crops
from tests.flows.builders import RECIPE, commit_verdicts, recipe_file, recipe_of, save_record

NEAR = ("filter:", "filter:\n  near_duplicate: {min: 5, review_min: 7}")


def _many(n: int, line: Source, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Return verdict rows as the filter stores them: repeats, dropped, never matted, empty ones."""
    scenes = rng.integers(0, 1 << 63, n // 3 + 1)
    measures = [
        verdict_row(
            Crop(
                f"{number}",
                hash=int(rng.choice(scenes)) ^ int(rng.integers(0, 1 << 6)),
                sharpness=round(float(rng.uniform(0.3, 1.0)), 6),
                frame_cut=round(float(rng.uniform(0.0, 0.6)), 6),
                measures={"subject_share": round(float(rng.uniform(0.1, 0.9)), 6)},
            ),
            f"{line.source_id}-{number:05d}",
        )
        for number in range(n)
    ]
    measures = [{name: row[name] for name in columns_of(MeasuredCrop)} for row in measures]
    screened = judge_rows(measures, line, recipe_of(NEAR).filter)
    matted = {row["crop_id"] for row in screened if row["verdict"] != "drop"}
    empty = {name for name in matted if name.endswith("77")}
    for row in measures:
        if row["crop_id"] not in matted - empty:
            row |= dict.fromkeys(MEASURED_ON_MASK)
    rows = judge_rows(measures, line, recipe_of(NEAR).filter, matted - empty)
    drop = Drop(
        item="", stage="matte", reason="mask_empty", value=0.0, sentence="No person is there."
    )
    return [
        encode_row(drop_empty_mask(crop, drop if crop.crop_id in empty else None))
        for crop in judged_crops(rows)
    ]


def test_ten_thousand_crops_are_judged_again_as_they_were_from_their_verdicts_alone(
    tmp_path: Path,
) -> None:
    """No picture and no model is at hand: the workspace holds tables only."""
    workspace = Workspace(tmp_path)
    rng, outcomes, stored = np.random.default_rng(7), [], {}
    for name in ("a", "b", "c", "d"):
        final = commit_verdicts(workspace, _many(2500, source(name), rng))
        detected, matted, _ = verdicts_only(
            workspace, source(name), [Crop(f"{number:05d}") for number in range(2500)]
        ).stages
        outcomes.append(SourceOutcome(source=source(name), stages=(detected, matted, final)))
        stored[name] = plain_rows(workspace.items(final))
    reasons = {row["reason"] for rows in stored.values() for row in rows}
    assert {"near_duplicate", "sharpness", "frame_cut", "subject_share", "mask_empty"} < reasons
    bounds = recipe_of(NEAR).filter
    again = {
        name: rejudge(judged_crops(rows), source(name), bounds) for name, rows in stored.items()
    }
    assert {
        name: [encode_row(crop) for crop in done.crops] for name, done in again.items()
    } == stored
    assert [done.unmatted for done in again.values()] == [frozenset()] * 4
    save_record(workspace, *outcomes, recipe=recipe_of(NEAR))
    recipe = recipe_file(tmp_path, RECIPE.replace(*NEAR))
    found = preview(recipe, [], None, workspace).diff
    assert (found.before.total(), found.moved) == (10_000, {})
    assert found.before == Counter(row["verdict"] for rows in stored.values() for row in rows)
