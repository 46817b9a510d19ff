"""The measures table: one column per rule, one row per crop, missing where not measurable."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from tasks.common.digests import content_key
from tasks.common.progress import track
from tasks.common.records import CropsTable, MattesTable, MeasuresTable, PosesTable
from tasks.common.schema.columns import Measures
from tasks.common.schema.rows import Crop, Matte, MeasuredCrop, Pose
from tasks.common.similarity.picture_hash import hash_picture
from tasks.common.workspace.artifacts import ArtifactWriter
from tasks.filter import VERSION
from tasks.filter.rule import Measured
from tasks.filter.rules import RULES
from tasks.filter.subject import Subject

# Further digits differ between processors and builds of numpy, and would change the digest.
_DECIMALS = 6


def measures_key(crops: CropsTable, poses: PosesTable | None, mattes: MattesTable | None) -> str:
    """Name a measures artifact by what was measured; bounds are no part of it.

    So other bounds reuse stored measures, and no model runs again.
    """
    return content_key(
        "measure", VERSION, crops.digest, poses and poses.digest, mattes and mattes.digest
    )


def measure_crops(
    out: ArtifactWriter,
    crops: CropsTable,
    poses: PosesTable | None,
    mattes: MattesTable | None,
) -> MeasuresTable:
    """Measure every crop by the rules that need no mask, or every matted one by those that do."""
    workspace = out.workspace
    # Not all crops have a pose or matte: the models may find none.
    pose_of = {} if poses is None else {row.crop_id: row for row in workspace.rows(Pose, poses)}
    matte_of = {} if mattes is None else {row.crop_id: row for row in workspace.rows(Matte, mattes)}
    rows = workspace.rows(Crop, crops)
    chosen = [row for row in rows if mattes is None or row.crop_id in matte_of]
    label = "screen" if mattes is None else "filter"
    measured = []
    for crop in track(chosen, label, len(chosen)):
        # A subject holds a crop's pixels, so only one exists at a time.
        subject = Subject(workspace, crop, pose_of.get(crop.crop_id), matte_of.get(crop.crop_id))
        measured.append(_measured_crop(subject, needs_mask=mattes is not None))
    return MeasuresTable(out.commit_rows(MeasuredCrop, measured, [], n_in=len(chosen)))


def _measured_crop(subject: Subject, *, needs_mask: bool) -> MeasuredCrop:
    """Measure a crop by one of the two groups of rules; hashes belong to the first."""
    # Of the whole crop, not of the published cut, which is known only after matting: so duplicates
    # are found before the expensive model runs.
    hashes = (None, None) if needs_mask else hash_picture(subject.rgb)
    measures = measure_subject(subject, needs_mask=needs_mask)
    return MeasuredCrop(subject.crop.crop_id, measures, *hashes)


def measure_subject(subject: Subject, *, needs_mask: bool) -> Measures:
    """Return the values of all rules that need a mask, or of all that need none."""
    return {
        rule.name: _finite(rule.measure, subject)
        for rule in RULES.values()
        if rule.measure is not None and rule.needs_mask == needs_mask
    }


def _finite(measure: Callable[[Subject], Measured], subject: Subject) -> Measured:
    """Measure, with None for NaN and infinity: NaN would pass every bound."""
    return _rounded(measure(subject))


def _rounded(value: Measured) -> Measured:
    return None if value is None or not math.isfinite(value) else round(float(value), _DECIMALS)


def join_measures(
    before: Sequence[MeasuredCrop], after: Sequence[MeasuredCrop]
) -> list[MeasuredCrop]:
    """Join the measures of both groups of rules; `after` has only the matted crops.

    What follows from both groups is derived here, so that a new fit measures nothing again.
    """
    with_mask = {crop.crop_id: crop.measures for crop in after}
    return [
        replace(crop, measures=_derived(_joined(crop.measures, with_mask[crop.crop_id])))
        if crop.crop_id in with_mask
        else crop
        for crop in before
    ]


def _joined(before: Measures, after: Mapping[str, float | None]) -> Measures:
    needs_mask = {name for name, rule in RULES.items() if rule.needs_mask}
    # Both passes write all columns. A rule's value is in the table of its own pass; the other one
    # holds None for it.
    return {
        name: after.get(name) if name in needs_mask else value for name, value in before.items()
    }


def _derived(measures: Measures) -> Measures:
    values = {
        name: _rounded(rule.derive(measures))
        for name, rule in RULES.items()
        if rule.derive is not None
    }
    return {**measures, **values}
