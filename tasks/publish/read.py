"""What a new version reads from published ones: its base, and what it must not overlap with."""

import json
from io import BytesIO

import pandas as pd

from tasks.common.errors import InputError
from tasks.common.recipe.publish import PublishRecipe
from tasks.common.schema.layout import (
    CHANGELOG,
    MANIFEST,
    OLD_SPLIT_ASSIGNMENT,
    SAMPLE_TABLE,
    SPLIT_ASSIGNMENT,
    Split,
    read_manifest,
)
from tasks.common.schema.sample import (
    NO_BASE,
    BaseVersion,
    OtherSubset,
    SampleRow,
    rows_of_frame,
)
from tasks.publish.records import Commit
from tasks.publish.registry import VersionRegistry, damaged


def find_base(registry: VersionRegistry, name: str, inputs: str) -> Commit | None:
    """Return the version that a new one is built on: the newest in use, or None before the first.

    A version made of the same inputs is not built on itself but on its own base, which gives
    the same bytes again: the same run published twice makes no second version.
    """
    in_use = registry.numbers_in_use(name)
    newest = registry.commit(name, in_use[-1]) if in_use else None
    if newest is None or newest.inputs != inputs:
        return newest
    if newest.base is None:
        return None
    # The base may have been retired since. Then the tree is built on the newest version, and since
    # `CHANGELOG.md` differs it becomes a version of its own.
    return registry.commit(name, newest.base) if newest.base in in_use else newest


def read_base(registry: VersionRegistry, base: Commit | None) -> BaseVersion:
    """Return the split assignment, samples and history of a version.

    Raises:
        InputError: its files are gone.
        ArtifactError: they are not what was published.
    """
    if base is None:
        return NO_BASE
    # The manifest, not the table of files: it is among the files that the tree's name covers.
    digests = read_manifest(_read_file(registry, base, MANIFEST))
    is_old = SPLIT_ASSIGNMENT not in digests and OLD_SPLIT_ASSIGNMENT in digests
    name = OLD_SPLIT_ASSIGNMENT if is_old else SPLIT_ASSIGNMENT
    splits: dict[str, Split] = json.loads(_read_file(registry, base, name))
    return BaseVersion(
        label=base.label,
        number=base.version,
        tree=base.tree,
        splits=splits,
        samples={row.stem: row.sample(digests) for row in read_samples(registry, base)},
        files=digests,
        changelog=_read_file(registry, base, CHANGELOG).decode(),
    )


def find_others(registry: VersionRegistry, recipe: PublishRecipe) -> list[Commit]:
    """Return the versions of other subsets that a subset must not overlap with.

    For a test subset those that its recipe names; for another one the newest in use of every test
    subset that names it.

    Raises:
        InputError: the recipe names a version that is not published.
    """
    if recipe.role == "test":
        return [_named(registry, ref) for ref in recipe.against]
    tests = []
    # Only the test subset's record says which subsets it must not overlap with, so all are
    # searched. One read per subset is cheap beside a publication.
    for name in registry.names():
        numbers = registry.numbers_in_use(name) if name != recipe.name else []
        commit = registry.commit(name, numbers[-1]) if numbers else None
        if commit is not None and recipe.name in map(_subset_of, commit.against):
            tests.append(commit)
    return tests


def _named(registry: VersionRegistry, ref: str) -> Commit:
    """Return a version that a recipe names: the one with its number, else the newest in use."""
    if "@" in ref:
        return registry.resolve(ref)
    name = registry.resolve(ref).name
    numbers = registry.numbers_in_use(name)
    commit = registry.commit(name, numbers[-1]) if numbers else None
    if commit is None:
        raise InputError(f"publish.against: every version of {name} is retired; name another.")
    return commit


def _subset_of(ref: str) -> str:
    return ref.partition("@")[0]


def read_other(registry: VersionRegistry, commit: Commit) -> OtherSubset:
    """Return the samples of another subset, and where their files lie."""
    samples = read_samples(registry, commit)
    # The label is for people; samples and tree decide.
    return OtherSubset(commit.label, commit.tree, commit.prefix, samples)


def read_samples(registry: VersionRegistry, commit: Commit) -> list[SampleRow]:
    """Return the rows of a version's `samples.csv`.

    Raises:
        InputError: it has none; it was published by an older program, or its files are gone.
        ArtifactError: it is not what was published.
    """
    data = _read_file(registry, commit, SAMPLE_TABLE)
    try:
        # An empty cell is the only missing value: a source may well be called "NA".
        table = pd.read_csv(BytesIO(data), dtype="string", keep_default_na=False, na_values=[""])
        return rows_of_frame(table)
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(registry.store, commit.prefix + SAMPLE_TABLE) from error


def _read_file(registry: VersionRegistry, commit: Commit, name: str) -> bytes:
    data = registry.store.get(commit.prefix + name)
    if data is None:
        raise InputError(
            f"{commit.label} has no {name}: it was published by an older program, or its files are "
            f"gone. Publish under another note, or `matteflow retire {commit.label}` first."
        )
    return data
