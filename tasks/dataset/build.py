"""The tree that a trainer syncs: built whole in the workspace before a store sees any of it."""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from tasks.common.digests import content_key
from tasks.common.errors import InputError
from tasks.common.progress import track
from tasks.common.recipe.bounds import RuleBounds
from tasks.common.recipe.publish import PublishRecipe
from tasks.common.records import Drop, SourceOutcome, StageResult
from tasks.common.schema.provenance import ORIGIN, origin_of
from tasks.common.schema.tables import make_table
from tasks.common.workspace.artifacts import ArtifactWriter
from tasks.dataset import VERSION
from tasks.dataset.base_version import NO_PAST, Past
from tasks.dataset.decontamination import Other, Relation, find_relations, without_related
from tasks.dataset.encode import encode_sample, read_sample
from tasks.dataset.selection import Sample, Selection, choose_samples
from tasks.dataset.text_files import history_files, text_files
from tasks.deduplicate.run_crops import Subset

FILES = {
    "name": "string",  # path inside the subset's folder
    "path": "string",
    "digest": "string",
    "md5": "string",  # what most stores call the ETag, so that a listing tells what lies there
    "size_bytes": "Int64",
    "split": "string",
    "scenes": "string",  # JSON list
    "source_id": "string",
    "licence": "string",
    "channel": "string",
    **dict.fromkeys(ORIGIN, "string"),
}
MANIFEST_NAME = "MANIFEST.sha256"
Row = dict[str, Any]


def inputs_key(
    outcomes: Iterable[SourceOutcome],
    recipe: PublishRecipe,
    bounds: RuleBounds,
    others: Iterable[str] = (),
) -> str:
    """Name what a tree is made of: provenance, what the stages gave and dropped, the recipe.

    `others` are the trees of the subsets that it must not be related to.

    Sources that failed count too: a pin on one of them holds for its whole group. A download is
    named by its bytes alone, since its key changes whenever somebody touches the file.
    """
    parts = [
        [
            outcome.source.model_dump(mode="json"),
            outcome.error is None,
            *map(_name_of, outcome.stages),
        ]
        for outcome in outcomes
    ]
    return content_key("publish", VERSION, parts, recipe, bounds, list(others))


def _name_of(result: StageResult) -> list[str]:
    return [result.stage, result.digest, "" if result.stage == "download" else result.key]


def tree_key(inputs: str, base: str) -> str:
    """Name a tree by what it is made of and the tree that it is built upon, if any."""
    return content_key("tree", inputs, base)


def build_tree(
    subset: Subset,
    recipe: PublishRecipe,
    out: ArtifactWriter,
    past: Past = NO_PAST,
    others: Sequence[Other] = (),
    refuse: Callable[[Sequence[Relation]], None] | None = None,
) -> StageResult:
    """Write every file of the subset into the workspace; in = files + samples left out.

    Samples related to `others` are handed to `refuse`, which raises, or else left out.

    Raises:
        InputError: no crop was kept, so there is nothing to publish.
        ValueError: a sample, a list or the split would ruin a training.
    """
    selection = choose_samples(subset, recipe, past)
    relations = find_relations(selection.samples, others, recipe.near_bits)
    if relations and refuse is not None:
        refuse(relations)
    selection = without_related(selection, relations) if relations else selection
    _require_any(selection)
    rows: list[Row] = []
    for sample in track(selection.samples, "publish", len(selection.samples)):
        rows += _sample_files(sample, recipe, out)
    done = tuple(outcome for outcome in subset.outcomes if outcome.error is None)
    finished = Subset(done, subset.workspace, subset.bounds)
    texts = text_files(selection, finished, recipe)
    rows += [_file(out, name, data) for name, data in texts.items()]
    digests = {row["name"]: row["digest"] for row in rows}
    told = history_files(digests, selection, finished, recipe, past)
    rows += [_file(out, name, data) for name, data in told.items()]
    manifest = "".join(f"{row['digest']}  {row['name']}\n" for row in sorted(rows, key=_name))
    rows.append(_file(out, MANIFEST_NAME, manifest.encode()))
    drops = [Drop(stage="publish", item=left.stem, reason=left.reason, sentence=left.sentence)
             for left in selection.left_out]  # fmt: skip
    return out.commit(make_table(rows, FILES), drops, n_in=len(rows) + len(drops))


def _require_any(selection: Selection) -> None:
    if selection.samples:
        return
    if selection.left_out:
        raise InputError(
            f"All {len(selection.left_out)} kept crops had to be left out, so there is nothing to "
            f"publish. For example {selection.left_out[0].stem}: {selection.left_out[0].sentence}"
        )
    raise InputError(
        "No crop was kept, so there is nothing to publish. `matteflow show` tells what was "
        "dropped and why; the bounds stand in the recipe under 'filter'."
    )


def read_manifest(data: bytes) -> dict[str, str]:
    """Return the digests of `MANIFEST.sha256` by file name; of a list cut short, what is there."""
    lines = (line.partition("  ") for line in data.decode(errors="replace").splitlines())
    return {name: digest for digest, _, name in lines}


def _name(row: Row) -> str:
    return str(row["name"])


def _file(out: ArtifactWriter, name: str, data: bytes, **facts: Any) -> Row:
    path, digest = out.put(name, data)
    md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
    return {
        "name": name,
        "path": path,
        "digest": digest,
        "md5": md5,
        "size_bytes": len(data),
    } | facts


def _sample_files(sample: Sample, recipe: PublishRecipe, out: ArtifactWriter) -> Iterable[Row]:
    judged = sample.judged
    try:
        pair = encode_sample(*read_sample(judged, out.workspace), recipe.jpeg_quality)
    except ValueError as error:
        raise ValueError(f"{sample.stem} cannot be published: {error}") from error
    facts = {
        "split": sample.split,
        "scenes": json.dumps(sample.scenes, ensure_ascii=False),
        "source_id": judged.source.source_id,
        "licence": judged.source.licence,
        "channel": sample.channel,
        **origin_of(judged.source),
    }
    for name, data in zip(sample.files, pair, strict=True):
        yield _file(out, name, data, **facts)
