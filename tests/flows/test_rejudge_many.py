"""Many stored measures judged again: the same verdicts, and nothing but tables to judge by."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from flows.preview import preview
from tasks.common.records import Drop, Source, SourceOutcome
from tasks.common.schema.rows import JudgedCrop
from tasks.common.workspace.artifacts import Workspace
from tasks.filter.judge import drop_empty_mask, judge_source
from tasks.filter.rejudge import rejudge
from tests.dataset.builders import source, verdicts_only
from tests.dataset.crops import MEASURED_ON_MASK, Crop, judged_crop
from tests.filter.builders import remeasured
from tests.flows.builders import RECIPE, commit_verdicts, recipe_file, recipe_of, save_record

NEAR = ("filter:", "filter:\n  near_duplicate: {min: 5, review_min: 7}")


def _many(n: int, line: Source, rng: np.random.Generator) -> list[JudgedCrop]:
    """Return verdicts as the filter stores them: repeats, dropped, never matted, empty ones."""
    scenes = rng.integers(0, 1 << 63, n // 3 + 1)
    measured = [
        judged_crop(
            Crop(
                f"{number}",
                hash=int(rng.choice(scenes)) ^ int(rng.integers(0, 1 << 6)),
                sharpness=round(float(rng.uniform(0.3, 1.0)), 6),
                frame_cut=round(float(rng.uniform(0.0, 0.6)), 6),
                measures={"subject_share": round(float(rng.uniform(0.1, 0.9)), 6)},
            ),
            f"{line.source_id}-{number:05d}",
        ).measured
        for number in range(n)
    ]
    bounds = recipe_of(NEAR).filter
    screened = judge_source(measured, line, bounds)
    matted = {crop.crop_id for crop in screened if crop.verdict != "drop"}
    empty = {name for name in matted if name.endswith("77")}
    without_mask = dict.fromkeys(MEASURED_ON_MASK)
    known = [
        crop if crop.crop_id in matted - empty else remeasured(crop, without_mask)
        for crop in measured
    ]
    drop = Drop(
        item="", stage="matte", reason="mask_empty", value=0.0, sentence="No person is there."
    )
    return [
        drop_empty_mask(crop, drop if crop.crop_id in empty else None)
        for crop in judge_source(known, line, bounds, matted - empty)
    ]


@pytest.mark.slow  # for its size: as much as a twelfth of the unit tier
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
        stored[name] = workspace.rows(JudgedCrop, final)
    reasons = {row.reason for rows in stored.values() for row in rows}
    assert {"near_duplicate", "sharpness", "frame_cut", "subject_share", "mask_empty"} < reasons
    bounds = recipe_of(NEAR).filter
    again = {name: rejudge(crops, source(name), bounds) for name, crops in stored.items()}
    assert {name: done.crops for name, done in again.items()} == stored
    assert [done.unmatted for done in again.values()] == [frozenset()] * 4
    save_record(workspace, *outcomes, recipe=recipe_of(NEAR))
    recipe = recipe_file(tmp_path, RECIPE.replace(*NEAR))
    found = preview(recipe, [], None, workspace).diff
    assert (found.before.total(), found.moved) == (10_000, {})
    assert found.before == Counter(row.verdict for rows in stored.values() for row in rows)
