"""The runs of a desk: their tables, and columns that do not stand in these."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from flows.desk.columns import CropColumns, Flags, Named, Runs
from flows.engine.run_record import RunRecord, find_runs, load_run
from tasks.common.errors import InputError, MatteflowError
from tasks.common.recipe.scenes import SceneFinder
from tasks.common.schema.columns import from_table
from tasks.common.schema.decisions import Decision
from tasks.common.schema.layout import SPLITS
from tasks.common.schema.rows import Crop
from tasks.common.settings import settings
from tasks.common.similarity.clusters import NEAR_BITS
from tasks.common.similarity.picture_hash import as_hashes, nearest_kept_before
from tasks.common.similarity.tracks import find_tracks
from tasks.common.workspace.artifacts import Workspace
from tasks.deduplicate.task import reuse_or_deduplicate
from tasks.publish.task import open_registry, read_samples

_HASHES = ("hash", "mirror_hash")


def open_runs(names: Sequence[str], workspace: Workspace) -> Runs:
    """Read the tables of some runs, by default of the newest one that has crops.

    Raises:
        InputError: there is no such run, or none with crops.
        ArtifactError: a table is gone and cannot be made again.
    """
    wanted = [load_run(workspace, name) for name in names] or [_newest(workspace)]
    records = {record.run_id: record for record in wanted}
    newest_first = [records[run_id] for run_id in sorted(records, reverse=True)]
    tables = [
        workspace.item_table(reuse_or_deduplicate(record.outcomes, record.recipe.filter, workspace))
        for record in newest_first
    ]
    return Runs(tuple(newest_first), tuple(tables))


def _newest(workspace: Workspace) -> RunRecord:
    for name in reversed(find_runs(workspace)):
        try:
            record = load_run(workspace, name)
        except InputError:  # of another version of the program
            continue
        if any(outcome.crops is not None for outcome in record.outcomes):
            return record
    raise InputError(
        f"There is no run with crops in {workspace.location} yet; start one with "
        "`matteflow ingest`."
    )


def find_scenes(index: CropColumns, decided: Mapping[str, Sequence[Decision]]) -> dict[str, Flags]:
    """Return for each scene which crops are in it.

    First by the recipe of the run of each crop, then by what curators decided; `decided` has the
    decisions on scenes by crop or media, oldest first.
    """
    names: dict[str, Flags] = {}
    for number, record in enumerate(index.records):
        recipe = record.recipe.publish
        for group in recipe.scenes:
            names.setdefault(group.id, np.zeros(len(index), bool))
        finder, is_own = SceneFinder(recipe), index.run_of == number
        for code, source_id in enumerate(index.source.names):
            rows = is_own & (index.source.codes == code)
            for scene in finder.of(index.sources[source_id], "") if rows.any() else ():
                names.setdefault(scene, np.zeros(len(index), bool))[rows] = True
        # Few crops have overrides or decisions of their own; only these are looked at one by one.
        own = {entry.item for entry in recipe.scene_overrides} | decided.keys()
        is_special = index.media.matches(own) | np.isin(index.crop_ids, list(own))
        for row in np.flatnonzero(is_own & is_special).tolist():
            _set_scenes(names, index, row, finder, decided)
    return names


def _set_scenes(
    names: dict[str, Flags],
    index: CropColumns,
    row: int,
    finder: SceneFinder,
    decided: Mapping[str, Sequence[Decision]],
) -> None:
    crop_id, source = index.crop_ids[row], index.sources[index.source.name(row)]
    lines: list[Decision] = [*decided.get(index.media.name(row), ()), *decided.get(crop_id, ())]
    lines.sort(key=lambda line: line.order)
    scenes = finder.of(source, crop_id, lines)
    for name in {*names, *scenes}:
        names.setdefault(name, np.zeros(len(index), bool))[row] = name in scenes


def find_splits(index: CropColumns, store: str) -> Named:
    """Return the split of each crop in the newest version of the subset of its run."""
    codes = np.full(len(index), -1, np.int32)
    for number, record in enumerate(index.records):
        try:
            registry = open_registry(store)
            name = record.recipe.publish.name
            numbers = registry.numbers_in_use(name) if name in registry.names() else []
            commit = registry.commit(name, numbers[-1]) if numbers else None
            samples = read_samples(registry, commit) if commit is not None else []
        # The files of a version may be gone, and the store may be down: the desk works without.
        except (MatteflowError, OSError):
            continue
        for sample in samples:
            row = index.row_of.get(sample.stem)
            if row is not None and index.run_of[row] == number:
                codes[row] = SPLITS.index(sample.split)
    return Named(codes, list(SPLITS))


def scene_titles(index: CropColumns, language: str) -> dict[str, str]:
    """Return the scenes by id with their titles, in the order of the newest run's recipe.

    Without groups in the recipe each tag is a scene.
    """
    groups = index.records[0].recipe.publish.scenes
    if groups:
        return {group.id: group.zh if language == "zh" else group.en for group in groups}
    tags = {tag for source in index.sources.values() for tag in source.scenes}
    return {tag: tag for tag in sorted(tags)}


def proposals_file(run_id: str) -> Path:
    """Return where the tagger's proposals for a run lie."""
    return settings().home / "desk" / f"proposals-{run_id}.csv"


def read_proposals(run_id: str) -> list[tuple[str, str, float]]:
    """Return the tagger's proposals for a run: crop, scene, score; the surest first."""
    try:
        text = proposals_file(run_id).read_text("utf-8")
        rows = [
            (row["item"], row["add"], float(row["score"]))
            for row in csv.DictReader(io.StringIO(text, newline=""))
        ]
    except (OSError, KeyError, ValueError):  # none yet, or being written
        return []
    return sorted(rows, key=lambda row: -row[2])


def tracks_of(index: CropColumns) -> Named:
    """Return the track of each crop: the same person in neighbouring frames."""
    columns = [name for name in index.table.column_names if name.startswith("crop.")]
    table = index.table.select(columns).rename_columns(
        [name.removeprefix("crop.") for name in columns]
    )
    by_crop = find_tracks(from_table(Crop, table))
    names = sorted(set(by_crop.values()))
    place = {name: number for number, name in enumerate(names)}
    return Named(np.array([place[by_crop[crop]] for crop in index.crop_ids], np.int32), names)


def clusters_of(index: CropColumns) -> Named:
    """Return the cluster of each crop: crops that look like the best one of them.

    As `find_clusters` does, on columns: a hundred thousand row objects would take a gigabyte.
    """
    hashes, mirrors = (index.table[f"verdict.{name}"].to_pylist() for name in _HASHES)
    # The order of `quality_key`: the less cut, then the sharper, then by id.
    cut = np.nan_to_num(index.measure("frame_cut"), nan=1.0).round(2)
    dullness = -np.nan_to_num(index.measure("sharpness"), nan=0.0)
    order = np.lexsort([np.array(index.crop_ids), dullness, cut]).tolist()
    best_first = [row for row in order if hashes[row] and mirrors[row]]
    rows = np.array(best_first, np.int64)
    nearest = nearest_kept_before(
        as_hashes([hashes[row] for row in best_first]),
        as_hashes([mirrors[row] for row in best_first]),
        NEAR_BITS + 1,
        NEAR_BITS,
    )
    codes = np.arange(len(index), dtype=np.int32)
    leaders = np.where(nearest.positions >= 0, rows[nearest.positions], rows)
    codes[rows] = leaders
    return Named(codes, index.crop_ids)
