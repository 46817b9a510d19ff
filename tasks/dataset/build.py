"""The tree that a trainer syncs: built whole in the workspace before a store sees any of it."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from tasks.common.digests import content_key
from tasks.common.errors import InputError
from tasks.common.progress import track
from tasks.common.recipe.bounds import RuleBounds
from tasks.common.recipe.publish import PublishRecipe
from tasks.common.records import Drop, SourceOutcome, StageResult
from tasks.common.schema.layout import IGNORE, MANIFEST, TreeFile, digests_of, encode_manifest
from tasks.common.schema.provenance import Provenance
from tasks.common.schema.published import NO_BASE, BaseVersion
from tasks.common.schema.rows import RunCrop
from tasks.common.schema.sample import SampleRow
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace
from tasks.dataset import VERSION
from tasks.dataset.carry import carried_files
from tasks.dataset.encode import encode_sample, read_sample
from tasks.dataset.inputs import DatasetInputs
from tasks.dataset.other_people import frames_of
from tasks.dataset.selection import Selected, Selection
from tasks.dataset.text_files import history_files, text_files

_DECIMALS = 6  # of shares: further digits say nothing


def inputs_key(
    outcomes: Iterable[SourceOutcome],
    recipe: PublishRecipe,
    bounds: RuleBounds,
    others: Iterable[str] = (),
    drop: Iterable[str] = (),
    decided: Sequence[str] = (),
) -> str:
    """Name what a tree is made of: provenance, what the stages gave and dropped, the recipe.

    `others` are the trees of the subsets that it must not overlap with, `drop` the samples and
    sources that somebody named, `decided` the ids of curators' decisions about scenes. Without
    decisions the key is that of former programs.

    Sources that failed count too: a pin on one of them holds for its whole group. A download is
    named by its bytes alone, since its key changes whenever the file's time of change does.
    """
    # The whole source counts, not only its id: uploader, session, batch and scenes are published or
    # decide the split, and enter no key of a stage.
    parts = [
        [
            outcome.source.model_dump(mode="json"),
            outcome.error is None,
            *map(_name_of, outcome.stages),
        ]
        for outcome in outcomes
    ]
    named = [sorted(drop)] if drop else []
    scenes = [{"scenes": list(decided)}] if decided else []
    parts_of_people = [*named, *scenes]
    return content_key("dataset", VERSION, parts, recipe, bounds, list(others), *parts_of_people)


def _name_of(result: StageResult) -> list[str]:
    # Key and digest, since a stage may give equal output for parameters that the tree shows (bounds
    # in the report), and other drops for an equal output.
    return [result.stage, result.digest, "" if result.stage == "download" else result.key]


def tree_key(inputs: str, base: BaseVersion, redacted: BaseVersion, *, accumulates: bool) -> str:
    """Name a tree by its inputs, the tree of its base version, and what is left out of that."""
    # Without a takedown or a named sample nothing is added, so that older keys stay.
    gone = [
        sorted(base.splits.keys() - redacted.splits.keys()),
        sorted(base.rows.keys() - redacted.rows.keys()),
        sorted(base.dropped),
        [redacted.changelog] if redacted.changelog != base.changelog else [],
    ]
    parts: list[object] = [gone] if any(gone) else []
    # Older trees of such a subset hold no carried samples.
    parts += ["carried"] if accumulates and base.rows else []
    return content_key("tree", inputs, base.tree, *parts)


def build_tree(
    selection: Selection,
    inputs: DatasetInputs,
    recipe: PublishRecipe,
    out: ArtifactWriter,
    base: BaseVersion = NO_BASE,
) -> StageResult:
    """Write every file of the subset into the workspace; in = files + samples left out.

    Raises:
        InputError: no crop was kept, so there is nothing to publish.
        ValueError: a sample, a split file or the split would ruin a training.
    """
    _require_any(selection)
    # The order is that of dependence: samples, text files, history, manifest. Each of these names
    # the digests of what is before it, so none can be written earlier.
    files, selection = _write_samples(selection, inputs, recipe, out, base)
    texts = text_files(selection, inputs, recipe, base)
    files += [_file(out, name, data) for name, data in texts.items()]
    # The history says what changed since the base version, so it needs all other digests.
    history = history_files(digests_of(files), selection, inputs, recipe, base)
    files += [_file(out, name, data) for name, data in history.items()]
    # Last, and not in itself: its own digest becomes the id of the tree.
    files.append(_file(out, MANIFEST, encode_manifest(digests_of(files))))
    drops = [
        Drop(stage="dataset", item=left.stem, reason=left.reason, sentence=left.sentence)
        for left in selection.left_out
    ]
    return out.commit_rows(TreeFile, files, drops, n_in=len(files) + len(drops))


def _require_any(selection: Selection) -> None:
    if selection.samples:
        return
    if selection.left_out:
        raise InputError(
            f"All {len(selection.left_out)} kept crops had to be left out, so there is nothing to "
            f"publish. For example {selection.left_out[0].stem}: {selection.left_out[0].sentence}"
        )
    raise InputError(
        "No crop was kept, so there is nothing to publish. `matteflow show` lists what was "
        "dropped and why; the bounds are in the recipe under 'filter'."
    )


def _write_samples(
    selection: Selection,
    inputs: DatasetInputs,
    recipe: PublishRecipe,
    out: ArtifactWriter,
    base: BaseVersion,
) -> tuple[list[TreeFile], Selection]:
    """Write images and annotations; return them, and the selection with the ignored shares.

    Nothing is written of carried samples: the store has their files.
    """
    frames = frames_of(inputs.run.crops)
    files: list[TreeFile] = []
    written: list[Selected] = []
    for sample in track(selection.samples, "dataset", len(selection.samples)):
        crop = sample.crop
        if crop is None:
            files += carried_files(sample.row, base)
            written.append(sample)
            continue
        in_frame = frames[crop.crop.frame_id] if "other_people" in recipe.ignore else None
        sample, pair = _encoded(sample, crop, in_frame, recipe, out.workspace)
        files += _sample_files(sample.row, pair, out)
        written.append(sample)
    return files, selection._replace(samples=written)


def _encoded(
    sample: Selected,
    crop: RunCrop,
    in_frame: Sequence[RunCrop] | None,
    recipe: PublishRecipe,
    workspace: Workspace,
) -> tuple[Selected, tuple[bytes, bytes]]:
    rgb, mask = read_sample(crop, workspace, in_frame)
    # No drop: the crop was judged to be good, so an unusable pair is a fault of the program or of
    # the disk. To leave it out quietly would hide that.
    try:
        pair = encode_sample(rgb, mask, recipe.jpeg_quality)
    except ValueError as error:
        raise ValueError(f"{sample.stem} cannot be published: {error}") from error
    share = round(float(np.mean(mask == IGNORE)), _DECIMALS)
    return sample._replace(row=replace(sample.row, ignored_share=share)), pair


def _sample_files(
    row: SampleRow, pair: tuple[bytes, bytes], out: ArtifactWriter
) -> Iterator[TreeFile]:
    for name, data in zip(row.paths, pair, strict=True):
        yield _file(
            out,
            name,
            data,
            split=row.split,
            scenes=row.scenes,
            source_id=row.source_id,
            licence=row.licence,
            channel=row.channel,
            provenance=row.provenance,
        )


def _file(
    out: ArtifactWriter,
    name: str,
    data: bytes,
    *,
    split: str | None = None,
    scenes: tuple[str, ...] | None = None,
    source_id: str | None = None,
    licence: str | None = None,
    channel: str | None = None,
    provenance: Provenance = Provenance(),  # noqa: B008 - it is frozen
) -> TreeFile:
    """Write a file of the tree and return its row."""
    path, digest = out.put(name, data)
    # MD5 protects nothing here. Most stores give it as the ETag, so a listing alone shows a file
    # that was replaced.
    md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
    return TreeFile(
        name, path, digest, md5, len(data), split, scenes, source_id, licence, channel, provenance
    )
