"""What published versions say: what a new one is built upon, what it must not be related to."""

import json
from collections.abc import Iterable
from io import BytesIO
from typing import Any

import pandas as pd

from tasks.common.errors import InputError
from tasks.common.recipe.publish import PublishRecipe, Side
from tasks.common.schema.tables import make_table, plain_rows
from tasks.dataset.base_version import CHANGELOG, NO_PAST, SAMPLES, SIDES, Past, PastSample
from tasks.dataset.build import MANIFEST_NAME, read_manifest
from tasks.dataset.decontamination import Foreign, Other
from tasks.dataset.near_pairs import Pictured
from tasks.dataset.samples_csv import SAMPLE_COLUMNS
from tasks.publish.records import Commit
from tasks.publish.registry import Ledger, damaged

Row = dict[str, Any]


def find_base(ledger: Ledger, name: str, inputs: str) -> Commit | None:
    """Return the version that a new one is built upon: the newest in use, or None before the first.

    A version that was made of the same inputs is not built upon itself but on what it was built
    upon, which gives its very bytes again.
    """
    in_use = ledger.numbers_in_use(name)
    newest = ledger.commit(name, in_use[-1]) if in_use else None
    if newest is None or newest.inputs != inputs:
        return newest
    if newest.base is None:
        return None
    return ledger.commit(name, newest.base) if newest.base in in_use else newest


def read_past(ledger: Ledger, base: Commit | None) -> Past:
    """Return what a version says of sides, samples and history.

    Raises:
        InputError: its files are gone.
        ArtifactError: they are not what was published.
    """
    if base is None:
        return NO_PAST
    files = read_manifest(_file(ledger, base, MANIFEST_NAME))
    samples = {}
    for row in read_samples(ledger, base):
        image, mask = _pair(row)
        scenes = tuple((row["scenes"] or "").split(";")) if row["scenes"] else ()
        samples[row["stem"]] = PastSample(
            row["split"], scenes, files[image], files[mask], row["channel"]
        )
    sides: dict[str, Side] = json.loads(_file(ledger, base, SIDES))
    changelog = _file(ledger, base, CHANGELOG).decode()
    return Past(base.label, base.tree, sides, samples, files, changelog)


def find_others(ledger: Ledger, recipe: PublishRecipe) -> list[Commit]:
    """Return the versions that a subset must not be related to.

    For a test subset those that its recipe names; for another one the newest in use of every test
    subset that names it.

    Raises:
        InputError: the recipe names what is not published.
    """
    if recipe.role == "test":
        return [_named(ledger, words) for words in recipe.against]
    found = []
    for name in ledger.names():
        numbers = ledger.numbers_in_use(name) if name != recipe.name else []
        commit = ledger.commit(name, numbers[-1]) if numbers else None
        if commit is not None and recipe.name in map(_name_of, commit.against):
            found.append(commit)
    return found


def _named(ledger: Ledger, words: str) -> Commit:
    """Return a version that a recipe names: the one with its number, else the newest in use."""
    if "@" in words:
        return ledger.resolve(words)
    name = ledger.resolve(words).name
    numbers = ledger.numbers_in_use(name)
    commit = ledger.commit(name, numbers[-1]) if numbers else None
    if commit is None:
        raise InputError(f"publish.against: every version of {name} is retired; name another.")
    return commit


def _name_of(words: str) -> str:
    return words.partition("@")[0]


def read_other(ledger: Ledger, commit: Commit) -> Other:
    """Return the samples of another subset with all that ties them to others."""
    rows = read_samples(ledger, commit)
    role = "test" if commit.against else "train"
    return Other(commit.label, commit.tree, role, [_foreign(row, commit) for row in rows])


def _foreign(row: Row, commit: Commit) -> Foreign:
    image, mask = (commit.prefix + name for name in _pair(row))
    named = ("source_id", "source"), ("media_id", "media"), ("uploader", "uploader"), (
        "session", "session")  # fmt: skip
    keys = tuple(f"{word} {row[column]}" for column, word in named if row[column])
    picture = Pictured(row["stem"], "theirs", row["hash"] or "", row["mirror_hash"] or "")
    return Foreign(row["stem"], image, mask, keys, picture)


def _pair(row: Row) -> tuple[str, str]:
    side, stem = row["split"], row["stem"]
    return f"img_dir/{side}/{stem}.jpg", f"ann_dir/{side}/{stem}.png"


def read_samples(ledger: Ledger, commit: Commit) -> list[Row]:
    """Return the rows of a version's `samples.csv`.

    Raises:
        InputError: it has none; it was published by an older program, or its files are gone.
        ArtifactError: it is not what was published.
    """
    data = _file(ledger, commit, SAMPLES)
    try:
        table = pd.read_csv(BytesIO(data), dtype="string", keep_default_na=False, na_values=[""])
        known = [name for name in SAMPLE_COLUMNS if name in table.columns]
        rows: Iterable[Row] = plain_rows(table[known])
        return plain_rows(make_table(rows, SAMPLE_COLUMNS))
    except (ValueError, KeyError) as error:
        raise damaged(ledger.store, commit.prefix + SAMPLES) from error


def _file(ledger: Ledger, commit: Commit, name: str) -> bytes:
    data = ledger.store.get(commit.prefix + name)
    if data is None:
        raise InputError(
            f"{commit.label} has no {name}: it was published by an older program, or its files are "
            f"gone. Publish under another note, or `matteflow retire {commit.label}` first."
        )
    return data
