"""What a new version reads from published ones: its base, and what it must not overlap with."""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from io import BytesIO
from typing import Any

import pandas as pd

from tasks.common.errors import ArtifactError, InputError
from tasks.common.files import digest_bytes
from tasks.common.recipe.publish import PublishRecipe
from tasks.common.records import Source
from tasks.common.schema.layout import (
    CHANGELOG,
    MANIFEST,
    METADATA,
    OLD_SPLIT_ASSIGNMENT,
    SAMPLE_TABLE,
    SPLIT_ASSIGNMENT,
    Split,
    TreeFile,
    read_manifest,
)
from tasks.common.schema.published import NO_BASE, BaseVersion, OtherSubset
from tasks.common.schema.sample import SampleRow, rows_of_frame
from tasks.publish.records import Commit
from tasks.publish.registry import VersionRegistry, damaged

# The camera is left out: the list's word and the file's own are published as one.
_OF_PROVENANCE = ("listing", "entry", "uploader", "shared_at", "session", "batch")


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
    """Return the split assignment, samples, sources and history of a version.

    Raises:
        InputError: its files are gone.
        ArtifactError: they are not what was published.
    """
    if base is None:
        return NO_BASE
    # The manifest, not the table of files: it is among the files that the tree's name covers.
    digests = _read_manifest(registry, base)
    is_old = SPLIT_ASSIGNMENT not in digests and OLD_SPLIT_ASSIGNMENT in digests
    name = OLD_SPLIT_ASSIGNMENT if is_old else SPLIT_ASSIGNMENT
    splits: dict[str, Split] = json.loads(_read_file(registry, base, name, digests))
    rows = _decode_samples(registry, base, _read_file(registry, base, SAMPLE_TABLE, digests))
    metadata = json.loads(_read_file(registry, base, METADATA, digests))
    return BaseVersion(
        label=base.label,
        number=base.version,
        tree=base.tree,
        splits=splits,
        samples={row.stem: row.sample(digests) for row in rows},
        files=digests,
        changelog=_read_file(registry, base, CHANGELOG, digests).decode(),
        rows={row.stem: row for row in rows},
        table=_read_table(registry, base, digests),
        sources=_sources_of(rows, metadata.get("sources", ())),
        duplicates=metadata.get("duplicate_sources", {}),
        dropped=frozenset(base.dropped),
    )


def _read_table(
    registry: VersionRegistry, base: Commit, digests: Mapping[str, str]
) -> dict[str, TreeFile]:
    """Return the files of a version by name, without the manifest; none of a damaged table.

    Only what is carried over needs the table, and says so where a file is not in it.
    """
    with suppress(ArtifactError):
        table = registry.files(base) or ()
        files = {file.name: file for file in table if file.name != MANIFEST}
        # A flipped bit in a table may well decode, to another value.
        if {name: file.digest for name, file in files.items()} == digests:
            return files
    return {}


def _sources_of(
    rows: Iterable[SampleRow], described: Iterable[Mapping[str, Any]]
) -> dict[str, Source]:
    """Return the sources of published samples, as `dataset.json` describes them, by id.

    Local paths are not published. An id in their place is a path, too, so that it stays private.
    """
    by_id = {str(source["source_id"]): source for source in described}
    sources: dict[str, Source] = {}
    for row in rows:
        known, origin = by_id.get(row.source_id, {}), row.provenance
        values = {
            "uri": origin.address or row.source_id,
            "scenes": known.get("scenes", row.scenes),
            "licence": row.licence,
            "attribution": known.get("attribution"),
            "captured_with": known.get("captured_with"),
        } | {name: getattr(origin, name) for name in _OF_PROVENANCE}
        sources.setdefault(row.source_id, Source(source_id=row.source_id, **values))
    return sources


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
    digests = _read_manifest(registry, commit)
    return _decode_samples(registry, commit, _read_file(registry, commit, SAMPLE_TABLE, digests))


def _decode_samples(registry: VersionRegistry, commit: Commit, data: bytes) -> list[SampleRow]:
    try:
        # An empty cell is the only missing value: a source may well be called "NA".
        table = pd.read_csv(BytesIO(data), dtype="string", keep_default_na=False, na_values=[""])
        return rows_of_frame(table)
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(registry.store, commit.prefix + SAMPLE_TABLE) from error


def _read_manifest(registry: VersionRegistry, commit: Commit) -> dict[str, str]:
    """Return the digests of a version's files; the manifest's own digest names the tree."""
    data = registry.store.get(commit.prefix + MANIFEST)
    if data is None:
        raise _gone(commit, MANIFEST)
    if not digest_bytes(data).startswith(commit.tree):
        raise damaged(registry.store, commit.prefix + MANIFEST)
    return read_manifest(data)


def _read_file(
    registry: VersionRegistry, commit: Commit, name: str, digests: Mapping[str, str]
) -> bytes:
    """Return a file of a version, compared with the manifest."""
    data = registry.store.get(commit.prefix + name)
    if data is None or name not in digests:
        raise _gone(commit, name)
    if digest_bytes(data) != digests[name]:
        raise damaged(registry.store, commit.prefix + name)
    return data


def _gone(commit: Commit, name: str) -> InputError:
    return InputError(
        f"{commit.label} has no {name}: it was published by an older program, or its files are "
        f"gone. Publish under another note, or `matteflow retire {commit.label}` first."
    )
