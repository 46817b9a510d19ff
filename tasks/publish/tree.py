"""The tree that a trainer syncs: built whole in the workspace before a store sees any of it."""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from tasks.common.artifacts import ArtifactWriter
from tasks.common.bounds import RuleBounds
from tasks.common.dataset_recipe import PublishRecipe
from tasks.common.errors import InputError
from tasks.common.keys import content_key
from tasks.common.progress import track
from tasks.common.records import SourceOutcome, StageResult
from tasks.common.tables import make_table
from tasks.publish import VERSION
from tasks.publish.card import FIGURES, render_card, render_config, words_of
from tasks.publish.changelog import render_changelog
from tasks.publish.crop_tables import encode_csv, review_table
from tasks.publish.facts import facts_of, histograms
from tasks.publish.lists import require_loadable, split_lists
from tasks.publish.past import CHANGELOG, NO_PAST, SAMPLES, SIDES, Past, PastSample
from tasks.publish.plots import draw
from tasks.publish.proof import prove_no_leak
from tasks.publish.relations import Other, Relation, find_relations, without_related
from tasks.publish.render import encode_sample, read_sample
from tasks.publish.report import render_report
from tasks.publish.sample_table import sample_table
from tasks.publish.select import Sample, Selection, choose_samples
from tasks.publish.subset import Subset

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
    """Write every file of the subset into the workspace.

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
    rows += _text_files(selection, finished, recipe, out)
    rows += _history(rows, selection, finished, recipe, past, out)
    manifest = "".join(f"{row['digest']}  {row['name']}\n" for row in sorted(rows, key=_name))
    rows.append(_file(out, MANIFEST_NAME, manifest.encode()))
    return out.commit(make_table(rows, FILES), [], n_in=len(rows))


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
    }
    yield _file(out, f"img_dir/{sample.split}/{sample.stem}.jpg", pair[0], **facts)
    yield _file(out, f"ann_dir/{sample.split}/{sample.stem}.png", pair[1], **facts)


def _text_files(
    selection: Selection, subset: Subset, recipe: PublishRecipe, out: ArtifactWriter
) -> Iterable[Row]:
    """Write lists, cards and tables; `subset` holds the sources that came through."""
    lists = split_lists(selection.samples, [scene.id for scene in recipe.scenes])
    encoded = {one.file: one.encode() for one in lists}
    pairs = {name for s in selection.samples for name in _pair(s)}
    require_loadable(pairs | encoded.keys(), encoded)
    proof = prove_no_leak(selection, recipe)
    facts = facts_of(selection, lists, subset, recipe, proof["split"])
    words = words_of(recipe.language)
    units = {"longer_side_px": words["px"], "subject_share": words["share"]}
    texts: dict[str, bytes] = {
        **encoded,
        **{
            FIGURES[name]: draw(found, words[name], units[name])
            for name, found in histograms(selection.samples).items()
        },
        "dataset.json": _json(facts),
        "groups.json": _json(proof),
        SAMPLES: encode_csv(sample_table(selection.samples)),
        "README.md": render_card(facts, recipe).encode(),
        "mmseg_config.py": render_config(facts).encode(),
        "review.csv": encode_csv(review_table(subset)),
        "report.html": render_report(subset, title=recipe.name).encode(),
    }
    for name, data in texts.items():
        yield _file(out, name, data)


def _pair(sample: Sample) -> tuple[str, str]:
    side, stem = sample.split, sample.stem
    return f"img_dir/{side}/{stem}.jpg", f"ann_dir/{side}/{stem}.png"


def _history(
    rows: Sequence[Row],
    selection: Selection,
    subset: Subset,
    recipe: PublishRecipe,
    past: Past,
    out: ArtifactWriter,
) -> Iterable[Row]:
    """Write what tells of earlier versions: the sides of all that ever was published, the changes.

    A source that is away for one version comes back to its side.
    """
    files = {row["name"]: row["digest"] for row in rows}
    now = {}
    for s in selection.samples:
        image, mask = (files[name] for name in _pair(s))
        now[s.stem] = PastSample(s.split, s.scenes, image, mask, s.channel)
    changelog = render_changelog(past, now, files, selection, subset, recipe)
    yield _file(out, CHANGELOG, changelog.encode())
    sides = {key: sample.split for sample in selection.samples for key in sample.keys}
    yield _file(out, SIDES, _json({**past.sides, **sides}))


def _json(values: Any) -> bytes:
    return json.dumps(values, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"
