"""`dataset.json`: what the card says, for machines."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from statistics import fmean
from typing import Any

from tasks.common.recipe.publish import PublishRecipe
from tasks.common.recipe.scenes import SceneFinder
from tasks.common.records import Source
from tasks.common.schema.channels import is_agreed, is_human, is_machine
from tasks.common.schema.layout import IGNORE
from tasks.common.schema.provenance import Provenance
from tasks.common.schema.published import NO_BASE, BaseVersion
from tasks.common.schema.sample import SampleRow
from tasks.dataset.decisions import count_decisions
from tasks.dataset.figures import Histogram, histogram
from tasks.dataset.inputs import DatasetInputs, DropCount
from tasks.dataset.selection import Selection
from tasks.dataset.split_files import SplitFile

Metadata = dict[str, Any]  # a part of dataset.json or groups.json: JSON values by key
NOT_GIVEN = "not given"


def metadata_of(
    selection: Selection,
    files: Sequence[SplitFile],
    inputs: DatasetInputs,
    recipe: PublishRecipe,
    shares: Metadata,
    base: BaseVersion = NO_BASE,
) -> Metadata:
    """Return the metadata of a subset as JSON values.

    `shares` is the leakage check's part about the split.
    """
    rows = selection.rows
    by_id = {sample.source.source_id: sample.source for sample in selection.samples}
    sources = [source for _, source in sorted(by_id.items())]
    return {
        "name": recipe.name,
        "role": recipe.role,
        "against": list(recipe.against),
        "description": recipe.description,
        "classes": ["background", "person"],
        "ignored": _ignored(rows),
        **_measures(rows),
        "split_files": [_of_split_file(file) for file in files],
        "split": shares,
        "scenes": _scenes(rows, recipe),
        "unmatched_tags": SceneFinder(recipe).unmatched_tags(sources),
        "unmatched_overrides": _unused_overrides(selection, inputs, recipe),
        "sources": _sources(sources, rows),
        "duplicate_sources": _duplicate_sources(selection, inputs, base),
        "licences": _count(row.licence for row in rows),
        "batches": _count(row.provenance.batch for row in rows),
        "channels": _count(row.channel for row in rows),
        **_masks(rows),
        **count_decisions(rows, inputs.run.crops, _unknown_scenes(inputs, recipe)),
        "dropped": [count._asdict() for count in _drop_counts(inputs, selection)],
        "histograms": {name: bins._asdict() for name, bins in histograms(rows).items()},
        "limits": list(recipe.limits),
        **_spheres(rows),
        **_carried(selection),
    }


def _carried(selection: Selection) -> Metadata:
    """Count the samples of earlier versions that were not judged again; nothing without any.

    The counts of drops and the report do not cover their sources.
    """
    sources = [sample.source.source_id for sample in selection.samples if sample.crop is None]
    counts = {"n_samples": len(sources), "n_sources": len(set(sources))}
    return {"carried": counts} if sources else {}


def _unknown_scenes(inputs: DatasetInputs, recipe: PublishRecipe) -> list[str]:
    edits = (edit for own in inputs.scene_decisions.values() for edit in own)
    return SceneFinder(recipe).unknown_scenes(edits)


def _spheres(rows: Sequence[SampleRow]) -> Metadata:
    """Return where in 360 spheres samples come from; nothing for a subset without such samples."""
    viewed = [(row, row.view) for row in rows if row.view is not None]
    if not viewed:
        return {}
    angles = {
        "yaw_deg": [view.yaw_deg for _, view in viewed],
        "pitch_deg": [view.pitch_deg for _, view in viewed],
        "fov_deg": [view.fov_deg for _, view in viewed],
    }
    return {
        "spheres": {
            "n_samples": len(viewed),
            "projections": _count(row.projection for row, _ in viewed),
            "views": _count(view.kind for _, view in viewed),
            **{name: [min(values), max(values)] for name, values in angles.items()},
            # Sectors of 60 degrees from -180 on, and bands of 30 degrees from the nadir on.
            "by_yaw": _bins(angles["yaw_deg"], -180, 60, 6),
            "by_pitch": _bins(angles["pitch_deg"], -90, 30, 6),
        }
    }


def _bins(values: Iterable[float], first: float, width: float, n: int) -> list[int]:
    counts = Counter(min(n - 1, max(0, int((value - first) // width))) for value in values)
    return [counts[number] for number in range(n)]


def histograms(rows: Iterable[SampleRow]) -> dict[str, Histogram]:
    """Return the distributions of the longer sides (px) and the subject's shares (0..1)."""
    rows = list(rows)
    longer_sides = [float(max(row.width_px, row.height_px)) for row in rows]
    # Without a detection box (labelled sources) there is no share; it is absent, not 0.
    shares = [row.subject_share for row in rows if row.subject_share is not None]
    return {
        "longer_side_px": histogram(longer_sides, 0.0),
        "subject_share": histogram(shares, 0.0, 1.0),
    }


def _measures(rows: Sequence[SampleRow]) -> Metadata:
    """Count pictures and detection boxes, and take the mean size, each by its own name."""
    return {
        "n_samples": len(rows),
        "n_boxes": sum(row.n_boxes for row in rows),
        "mean_height_px": round(fmean(row.height_px for row in rows)) if rows else 0,
        "mean_width_px": round(fmean(row.width_px for row in rows)) if rows else 0,
    }


def _ignored(rows: Sequence[SampleRow]) -> Metadata:
    """Count the pictures with ignored pixels, and the share of all pixels that they are."""
    px = [row.width_px * row.height_px for row in rows]
    shares = [row.ignored_share or 0.0 for row in rows]
    ignored = sum(share * n for share, n in zip(shares, px, strict=True))
    return {
        "value": IGNORE,
        "n_samples": sum(share > 0 for share in shares),
        "share": round(ignored / max(1, sum(px)), 6),
    }


def _of_split_file(file: SplitFile) -> Metadata:
    names = {"name": file.name, "file": file.path, "split": file.split, "scene": file.scene}
    return names | _measures(file.rows)


def _scenes(rows: Iterable[SampleRow], recipe: PublishRecipe) -> list[Metadata]:
    # `pop` below removes the scenes of the recipe, so that the remaining counts are those of free
    # tags.
    counts = Counter(scene for row in rows for scene in row.scenes)
    known = [
        {"id": scene.id, "zh": scene.zh, "en": scene.en, "n_samples": counts.pop(scene.id, 0)}
        for scene in recipe.scenes
    ]
    tags = [{"id": scene, "zh": scene, "en": scene, "n_samples": n} for scene, n in counts.items()]
    return known + sorted(tags, key=lambda scene: str(scene["id"]))


def _unused_overrides(
    selection: Selection, inputs: DatasetInputs, recipe: PublishRecipe
) -> list[str]:
    if not recipe.scene_overrides:
        return []
    # Completed sources only: an override for a source that failed is reported as unmatched, since
    # it had no effect on this version.
    items = {source.source_id for source in inputs.completed}
    items |= {crop.stem for crop in inputs.run.crops}
    for sample in selection.samples:
        items |= {sample.stem, sample.source.source_id} if sample.crop is None else set()
    return SceneFinder(recipe).unmatched_overrides(items)


def _sources(sources: Iterable[Source], rows: Iterable[SampleRow]) -> list[Metadata]:
    counts = Counter(row.source_id for row in rows)
    return [
        _provenance(source)
        | {
            "attribution": source.attribution,
            "scenes": list(source.scenes),
            "n_samples": counts[source.source_id],
        }
        for source in sources
    ]


def _provenance(source: Source) -> Metadata:
    names = {"source_id": source.source_id, "licence": source.licence}
    return names | asdict(Provenance.of(source))


def _duplicate_sources(
    selection: Selection, inputs: DatasetInputs, base: BaseVersion
) -> dict[str, list[Metadata]]:
    """Return, by media, every provenance of samples whose bytes came from several sources."""
    published = {row.media_id for row in selection.rows}
    carried = {sample.row.media_id for sample in selection.samples if sample.crop is None}
    known = {media_id: list(map(dict, base.duplicates.get(media_id, ()))) for media_id in carried}
    providers: dict[str, list[Source]] = defaultdict(list)
    # Samples name the first source of their bytes alone. A takedown or a question about the licence
    # needs every source that provided them.
    for source in inputs.completed:
        media_id = inputs.media_ids.get(source.source_id)
        if media_id in published:
            providers[str(media_id)].append(source)
    own = {media_id: list(map(_provenance, sources)) for media_id, sources in providers.items()}
    return {
        media_id: sources for media_id, sources in sorted((known | own).items()) if len(sources) > 1
    }


def _masks(rows: Sequence[SampleRow]) -> Metadata:
    """Count masks by who made them; nothing where no person corrected one."""
    n_human = sum(is_human(row.channel) for row in rows)
    if not n_human:
        return {}
    n_given = sum(not is_machine(row.channel) for row in rows) - n_human
    counts = {
        "machine": len(rows) - n_human - n_given,
        "human": n_human,
        "agreed": sum(is_agreed(row.channel) for row in rows),
    }
    return {"masks": counts}


def _count(values: Iterable[str | None]) -> dict[str, int]:
    counts = Counter(value or NOT_GIVEN for value in values)
    return dict(sorted(counts.items(), key=lambda entry: (-entry[1], entry[0])))


def _drop_counts(inputs: DatasetInputs, selection: Selection) -> list[DropCount]:
    """Return the counts of all stages and of the samples left out here, most frequent first."""
    counts = Counter(left.reason for left in selection.left_out)
    # Reversed, so that the first sentence of each reason is the one that stays.
    examples = {left.reason: left.sentence for left in reversed(selection.left_out)}
    own = [DropCount("dataset", reason, n, examples[reason]) for reason, n in counts.items()]
    # A complete order: two runs with equal counts give the same bytes.
    return sorted([*inputs.drop_counts, *own], key=lambda c: (-c.n, c.stage, c.reason))
