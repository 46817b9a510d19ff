"""What the desk asks of the rooms; no other module of the desk knows them."""

import csv
import io
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np

from flows.desk.columns import CropColumns, Flags, Named, Runs
from flows.desk.recipes import recipes_folder
from flows.desk.view import Layer, Show
from flows.engine.rule_findings import list_findings
from flows.engine.run_record import RunRecord, find_runs, load_run
from tasks.annotate.task import (
    DRAWN_HERE,
    Outcome,
    compare_masks,
    load_order,
    order_names,
    receive_drawn,
)
from tasks.annotate.task import Format as OrderFormat
from tasks.common.errors import ArtifactError, InputError, MatteflowError
from tasks.common.media.images import Mask
from tasks.common.recipe.scenes import SceneFinder
from tasks.common.schema.columns import from_table
from tasks.common.schema.decisions import Decision
from tasks.common.schema.layout import SPLITS
from tasks.common.schema.rows import Crop, Frame, RunCrop
from tasks.common.settings import settings
from tasks.common.similarity.clusters import NEAR_BITS
from tasks.common.similarity.picture_hash import as_hashes, nearest_kept_before, quality_key
from tasks.common.similarity.tracks import find_tracks
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.corrections import (
    count_corrections,
    media_with_corrections,
    read_corrections,
)
from tasks.deduplicate.task import reuse_or_deduplicate
from tasks.publish.task import KINDS, Diff, diff_versions, open_registry, read_samples
from tasks.review.task import (
    RuleFinding,
    draw_frame,
    draw_overlay,
    draw_preview,
    draw_whole,
    read_mask_codes,
)

__all__ = ["KINDS", "OrderFormat"]

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


# Columns that do not stand in the table.


def find_scenes(index: CropColumns, decided: Mapping[str, Sequence[Decision]]) -> dict[str, Flags]:
    """Return for each scene which crops are in it.

    First by the recipe of the run of each crop, then by what curators decided; `decided` has the
    decisions on scenes by crop or media, oldest first.
    """
    names: dict[str, Flags] = {}
    for number, record in enumerate(index.records):
        finder = SceneFinder(record.recipe.publish)
        rows = np.flatnonzero(index.run_of == number)
        for row in rows:
            source = index.sources[index.source.name(int(row))]
            crop_id = index.crop_ids[row]
            lines = [*decided.get(index.media.name(int(row)), ()), *decided.get(crop_id, ())]
            in_order = sorted(lines, key=lambda line: line.order)
            scenes = finder.of(source, crop_id, in_order)
            for scene in scenes:
                names.setdefault(scene, np.zeros(len(index), bool))[row] = True
        for group in record.recipe.publish.scenes:
            names.setdefault(group.id, np.zeros(len(index), bool))
    return names


def find_splits(index: CropColumns, store: str) -> Named:
    """Return the split of each crop in the version that its run published."""
    codes = np.full(len(index), -1, np.int32)
    for number, record in enumerate(index.records):
        published = record.publication
        if published is None:
            continue
        try:
            registry = open_registry(store)
            commit = registry.commit(published.name, published.version)
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
    cut, sharpness = index.measure("frame_cut"), index.measure("sharpness")
    keys = [
        quality_key(
            crop_id, {"frame_cut": None if a != a else a, "sharpness": None if b != b else b}
        )
        for crop_id, a, b in zip(index.crop_ids, cut.tolist(), sharpness.tolist(), strict=True)
    ]
    best_first = sorted(
        (row for row in range(len(index)) if hashes[row] and mirrors[row]), key=keys.__getitem__
    )
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


# Pictures.


class Pictures:
    """Draws crops of an index, with corrected masks where people corrected them."""

    def __init__(self, index: CropColumns, workspace: Workspace):
        self._index = index
        self._workspace = workspace
        self._n_drawn: Counter[str] = Counter()
        self.refresh()

    def crop(self, crop_id: str) -> RunCrop:
        """Return the row of a crop.

        Raises:
            InputError: none of the runs has it.
        """
        row = self._index.row_of.get(crop_id)
        if row is None:
            raise InputError(f"No crop {crop_id[:80]!r} in the runs of this desk.")
        return self._index.crops([row])[0]

    def refresh(self) -> None:
        """Look again which media people corrected."""
        self._n_drawn = Counter(
            {
                media_id: count_corrections(self._workspace, [media_id])
                for media_id in media_with_corrections(self._workspace)
            }
        )

    def n_drawn(self, crop: RunCrop) -> int:
        """Return how many masks of a crop's media people drew."""
        return self._n_drawn[crop.crop.media_id]

    def corrected(self, crop: RunCrop) -> tuple[Mask, Mask, str] | None:
        """Return the machine's mask, the corrected one, and by whom; None without a correction."""
        if not self.n_drawn(crop):
            return None
        record = self._index.record_of(self._index.row_of[crop.stem])
        return compare_masks(record.outcomes, crop, self._workspace)

    def mask(self, crop: RunCrop) -> Mask:
        """Return the mask of a crop as it stands now, uint8 (H, W) of 0 and 1."""
        corrected = self.corrected(crop)
        return read_mask_codes(crop, self._workspace) if corrected is None else corrected[1]

    def preview(self, crop: RunCrop, show: Show, longer_px: int, *, machine: bool = False) -> bytes:
        """Return a crop as JPEG; `machine` shows the machine's mask although it was corrected."""
        corrected = None if show == "picture" or show == "alpha" else self.corrected(crop)
        mask = None if corrected is None else corrected[0] if machine else corrected[1]
        return draw_preview(crop, show, longer_px, self._workspace, mask)

    def whole(self, crop: RunCrop) -> bytes:
        """Return the picture of a crop as PNG, px for px."""
        return draw_whole(crop, self._workspace)

    def overlay(self, crop: RunCrop, layers: Collection[Layer], *, machine: bool = False) -> bytes:
        """Return layers of a crop as SVG."""
        corrected = self.corrected(crop) if "mask" in layers else None
        mask = None if corrected is None else corrected[0] if machine else corrected[1]
        return draw_overlay(crop, layers, self._workspace, mask)

    def frame(self, crop: RunCrop, longer_px: int) -> bytes:
        """Return the frame of a crop with the person's box as JPEG.

        Raises:
            ArtifactError: the frame is gone.
        """
        record = self._index.record_of(self._index.row_of[crop.stem])
        for outcome in record.outcomes:
            sampled = outcome.result("sample")
            if outcome.source.source_id == crop.source_id and sampled is not None:
                for frame in self._workspace.rows(Frame, sampled):
                    if frame.frame_id == crop.crop.frame_id:
                        return draw_frame(frame.path, crop.crop, longer_px, self._workspace)
        raise ArtifactError(f"The frame of {crop.stem} is not in the workspace any more.")

    def findings(self, crop: RunCrop) -> list[RuleFinding]:
        """Return what every rule says of a crop, by the recipe of its run."""
        record = self._index.record_of(self._index.row_of[crop.stem])
        source = record.sources_by_id[crop.source_id]
        return list_findings(crop, source, record.recipe.filter)

    def draw(self, crop: RunCrop, mask: Mask, author: str, now: datetime) -> Outcome:
        """Store a mask that somebody drew on the desk, exactly like an annotator's.

        Raises:
            InputError: it has another size than the crop, or nothing is in it.
        """
        record = self._index.record_of(self._index.row_of[crop.stem])
        drawn = receive_drawn(crop, mask, record.run_id, author, now, self._workspace)
        self._n_drawn[crop.crop.media_id] += 1
        return drawn


# Versions.


class VersionLine(NamedTuple):
    """A published version in one line."""

    label: str
    version: int
    parent: int | None
    n_samples: int
    n_train: int
    n_val: int
    published: str
    channels: str
    is_retired: bool


def list_versions(name: str, store: str) -> list[VersionLine]:
    """Return the versions of a subset, newest first; none if nothing was published.

    Raises:
        WorldError: the store does not answer.
    """
    registry = open_registry(store)
    if name not in registry.names():
        return []
    channels, _ = registry.channels(name)
    retired = set(registry.retired_numbers(name))
    lines = [
        VersionLine(
            commit.label,
            commit.version,
            commit.parent,
            commit.n_samples,
            commit.n_train,
            commit.n_val,
            f"{commit.committed_at:%Y-%m-%d %H:%M}",
            ", ".join(
                word
                for word, channel in sorted(channels.items())
                if channel.version == commit.version
            ),
            commit.version in retired,
        )
        for commit in registry.commits(name)
    ]
    return sorted(lines, key=lambda line: -line.version)


def last_samples(name: str, store: str) -> tuple[str, set[str]]:
    """Return the newest version in use of a subset and its samples; empty if there is none."""
    registry = open_registry(store)
    numbers = registry.numbers_in_use(name) if name in registry.names() else []
    commit = registry.commit(name, numbers[-1]) if numbers else None
    if commit is None:
        return "", set()
    return commit.label, {sample.stem for sample in read_samples(registry, commit)}


def compare_versions(before: str, after: str, store: str) -> Diff:
    """Return what differs between two versions.

    Raises:
        InputError: one of them does not exist.
    """
    registry = open_registry(store)
    return diff_versions(registry, registry.resolve(before), registry.resolve(after))


def saved_recipes() -> list[str]:
    """Return the names of the recipes that desks saved."""
    return sorted(path.stem for path in recipes_folder().glob("*.yaml"))


# Work orders.


class OrderLine(NamedTuple):
    """A work order in one line; `n_done` of its samples have a correction by somebody."""

    order: str
    made_from: str
    format: str
    sent: str
    n_samples: int
    n_done: int
    annotators: str


def list_orders(workspace: Workspace, most: int = 30) -> list[OrderLine]:
    """Return the newest work orders; masks drawn on a desk are none that anybody waits for."""
    orders = []
    for name in order_names(workspace):
        try:
            orders.append(load_order(name, workspace))
        except InputError:  # a damaged manifest; receiving says so
            continue
    newest = sorted(orders, key=lambda order: order.sent_at, reverse=True)
    lines = []
    for order in newest:
        media = {item.media_id for item in order.items}
        answers = [
            correction
            for media_id in sorted(media)
            for correction in read_corrections(workspace, media_id)
            if correction.order == order.order
        ]
        if answers and all(answer.channel == DRAWN_HERE for answer in answers):
            continue
        lines.append(
            OrderLine(
                order.order,
                order.made_from,
                order.format,
                f"{order.sent_at:%Y-%m-%d %H:%M}",
                len(order.items),
                len({answer.sample for answer in answers}),
                ", ".join(sorted({answer.annotator for answer in answers})),
            )
        )
        if len(lines) == most:
            break
    return lines
