"""The files of a tree that are text: lists, card, tables, proof, history."""

import json
from collections.abc import Mapping
from typing import Any

from tasks.common.recipe.publish import PublishRecipe
from tasks.dataset.base_version import CHANGELOG, SAMPLES, SIDES, Past, PastSample
from tasks.dataset.card import FIGURES, render_card, render_config, words_of
from tasks.dataset.changelog import render_changelog
from tasks.dataset.dataset_json import facts_of, histograms
from tasks.dataset.figures import draw
from tasks.dataset.leakage import prove_no_leak
from tasks.dataset.samples_csv import sample_table
from tasks.dataset.selection import Selection
from tasks.dataset.split_files import require_loadable, split_lists
from tasks.deduplicate.run_crops import Subset
from tasks.review.stage import published_files, reuse_or_review
from tasks.review.tables import encode_csv


def text_files(selection: Selection, subset: Subset, recipe: PublishRecipe) -> dict[str, bytes]:
    """Return by name what depends on the samples alone.

    `subset` holds the sources that came through.

    Raises:
        ValueError: a list would be misread, or the split leaks.
    """
    lists = split_lists(selection.samples, [scene.id for scene in recipe.scenes])
    encoded = {one.file: one.encode() for one in lists}
    pairs = {name for sample in selection.samples for name in sample.files}
    require_loadable(pairs | encoded.keys(), encoded)
    proof = prove_no_leak(selection, recipe)
    facts = facts_of(selection, lists, subset, recipe, proof["split"])
    return {
        **encoded,
        **_figures(selection, recipe),
        "dataset.json": _json(facts),
        "groups.json": _json(proof),
        SAMPLES: encode_csv(sample_table(selection.samples)),
        "README.md": render_card(facts, recipe).encode(),
        "mmseg_config.py": render_config(facts).encode(),
        **_review_files(subset, recipe),
    }


def _review_files(subset: Subset, recipe: PublishRecipe) -> dict[str, bytes]:
    review = reuse_or_review(
        subset.outcomes, subset.result, subset.bounds, recipe.name, subset.workspace
    )
    return published_files(review, subset.workspace)


def _figures(selection: Selection, recipe: PublishRecipe) -> dict[str, bytes]:
    words = words_of(recipe.language)
    units = {"longer_side_px": words["px"], "subject_share": words["share"]}
    return {
        FIGURES[name]: draw(found, words[name], units[name])
        for name, found in histograms(selection.samples).items()
    }


def history_files(
    digests: Mapping[str, str],
    selection: Selection,
    subset: Subset,
    recipe: PublishRecipe,
    past: Past,
) -> dict[str, bytes]:
    """Return by name what tells of earlier versions: what changed, and every key's side.

    A source that is away for one version comes back to its side. `digests` are those of all other
    files, by name.
    """
    now = {}
    for sample in selection.samples:
        image, mask = (digests[name] for name in sample.files)
        facts = (sample.split, sample.scenes, image, mask, sample.channel)
        now[sample.stem] = PastSample(*facts)
    sides = {key: sample.split for sample in selection.samples for key in sample.keys}
    return {
        CHANGELOG: render_changelog(past, now, digests, selection, subset, recipe).encode(),
        SIDES: _json({**past.sides, **sides}),
    }


def _json(values: Any) -> bytes:
    return json.dumps(values, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"
