"""The text files of a tree: split files, card, tables, leakage check, history."""

import json
from collections.abc import Mapping
from typing import Any

from tasks.common.recipe.publish import PublishRecipe
from tasks.common.schema.layout import (
    CARD,
    CHANGELOG,
    GROUPS,
    METADATA,
    REPORT,
    REVIEW_LIST,
    SAMPLE_TABLE,
    SPLIT_ASSIGNMENT,
    TRAINING_CONFIG,
)
from tasks.common.schema.published import BaseVersion
from tasks.dataset.card import FIGURES, render_card, render_config, words_of
from tasks.dataset.changelog import render_changelog
from tasks.dataset.dataset_json import histograms, metadata_of
from tasks.dataset.figures import draw
from tasks.dataset.inputs import DatasetInputs
from tasks.dataset.leakage import check_leakage
from tasks.dataset.samples_csv import encode_samples
from tasks.dataset.selection import Selection
from tasks.dataset.split_files import require_loadable, split_files


def text_files(
    selection: Selection, inputs: DatasetInputs, recipe: PublishRecipe, base: BaseVersion
) -> dict[str, bytes]:
    """Return by name the files that depend on what is published alone.

    Of the base version it needs what that says of carried samples.

    Raises:
        ValueError: a split file would be misread, or the split leaks.
    """
    files = split_files(selection.rows, [scene.id for scene in recipe.scenes])
    encoded = {file.path: file.encode() for file in files}
    of_samples = {path for row in selection.rows for path in row.paths}
    # Both checks come before any text is written: their failure is about the samples.
    require_loadable(of_samples | encoded.keys(), encoded)
    groups = check_leakage(selection, recipe)
    metadata = metadata_of(selection, files, inputs, recipe, groups["split"], base)
    return {
        **encoded,
        **_figures(selection, recipe),
        METADATA: _json(metadata),
        GROUPS: _json(groups),
        SAMPLE_TABLE: encode_samples(selection.rows),
        CARD: render_card(metadata, recipe).encode(),
        TRAINING_CONFIG: render_config(metadata).encode(),
        REVIEW_LIST: inputs.review_list,
        REPORT: inputs.report,
    }


def _figures(selection: Selection, recipe: PublishRecipe) -> dict[str, bytes]:
    words = words_of(recipe.language)
    units = {"longer_side_px": words["px"], "subject_share": words["share"]}
    return {
        FIGURES[name]: draw(bins, words[name], units[name])
        for name, bins in histograms(selection.rows).items()
    }


def history_files(
    digests: Mapping[str, str],
    selection: Selection,
    inputs: DatasetInputs,
    recipe: PublishRecipe,
    base: BaseVersion,
) -> dict[str, bytes]:
    """Return by name the files that repeat earlier versions: the history, and every key's split.

    The split of a key stays on record while its source is away, so that it comes back to the same
    split. `digests` are those of all other files, by name.
    """
    samples = {row.stem: row.sample(digests) for row in selection.rows}
    splits = {key: row.split for row in selection.rows for key in row.keys}
    changelog = render_changelog(base, samples, digests, selection, inputs.run, recipe)
    return {
        CHANGELOG: changelog.encode(),
        # In this order: a pin that moved a group replaces the split on record.
        SPLIT_ASSIGNMENT: _json({**base.splits, **splits}),
    }


def _json(values: Any) -> bytes:
    # Sorted keys and a last LF: the bytes follow from the values alone, and `git diff` reads them.
    return json.dumps(values, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"
