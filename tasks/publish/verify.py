"""Whether a version is what was published: by listing, or by reading every byte."""

from collections.abc import Iterator
from typing import NamedTuple

from tasks.common.errors import ArtifactError
from tasks.common.files import digest_bytes
from tasks.common.progress import track
from tasks.common.schema.layout import MANIFEST, TreeFile, digests_of, read_manifest
from tasks.common.store.objects import Stored, in_parallel
from tasks.publish.records import Commit, commit_key, manifest_key
from tasks.publish.registry import VersionRegistry

Digests = dict[str, str]


class Problem(NamedTuple):
    """A fault of a version: the file, a stable reason word, a sentence."""

    version: str
    file: str
    reason: str
    sentence: str


def verify_all(
    registry: VersionRegistry, ref: str, *, deep: bool
) -> tuple[list[str], list[Problem]]:
    """Verify one version (NAME@…), all versions of a subset in use (NAME), or all of the store.

    Returns the labels of the versions that were checked, and the problems. A damaged record is a
    problem of its version and does not stop the check of the others.

    Raises:
        InputError: nothing of that name is published, or nothing at all.
    """
    if "@" in ref:
        commit = registry.resolve(ref)
        return [commit.label], list(verify_version(registry, commit, deep=deep))
    names = [ref] if ref else registry.names()
    # A check of nothing would pass: a mistyped name or store must not look healthy.
    if not ref or not registry.numbers(ref):
        registry.require_any(ref)
    labels, problems = [], []
    for name in names:
        for number in registry.numbers_in_use(name):
            labels.append(f"{name}@v{number}")
            try:
                record = registry.commit(name, number)
            # The other versions are still worth checking, so this one is a finding, not the end.
            except ArtifactError:
                key = commit_key(name, number)
                problems.append(Problem(labels[-1], key, "altered", f"{key} is no commit record"))
                continue
            if record is not None:
                problems += verify_version(registry, record, deep=deep)
    return labels, problems


def verify_version(
    registry: VersionRegistry, commit: Commit, *, deep: bool = False
) -> Iterator[Problem]:
    """Yield the problems of a version, none for a whole one.

    `MANIFEST.sha256` decides, since its own digest names the tree. Without `deep` the listing is
    compared with it: files missing, of another size, or too many, and where the store's ETags are
    MD5 digests also replaced files. With `deep` every byte is read.
    """
    digests, problems = _read_digests(registry, commit)
    yield from problems
    files, problems = _read_files(registry, commit, digests)
    yield from problems
    # Listed once for both comparisons, which must speak of the same state.
    there = _listing(registry, commit)
    listed = list(_compare_listing(commit, digests, files, there))
    yield from listed
    if deep:
        # A file that the listing convicts is not reported twice, nor read for nothing.
        reported = {problem.file for problem in listed} | {MANIFEST}
        expected = digests or digests_of(files.values())
        yield from _compare_bytes(registry, commit, expected, there.keys() - reported)


def _problem(commit: Commit, file: str, reason: str, sentence: str) -> Problem:
    return Problem(commit.label, file, reason, f"{file} {sentence}")


def _read_digests(registry: VersionRegistry, commit: Commit) -> tuple[Digests, list[Problem]]:
    """Read the manifest, and compare it with the name of the tree."""
    data = registry.store.get(commit.prefix + MANIFEST)
    if data is None:
        return {}, [_problem(commit, MANIFEST, "missing", "is missing")]
    digest = digest_bytes(data)
    if not digest.startswith(commit.tree):
        sentence = "is not the list of digests that gave the tree its name"
        return {}, [_problem(commit, MANIFEST, "altered", sentence)]
    return read_manifest(data) | {MANIFEST: digest}, []


def _read_files(
    registry: VersionRegistry, commit: Commit, digests: Digests
) -> tuple[dict[str, TreeFile], list[Problem]]:
    """Read the table of files, and compare it with the manifest."""
    key = manifest_key(commit.tree)
    try:
        table = registry.files(commit)
    except ArtifactError:
        return {}, [_problem(commit, key, "altered", "cannot be read as a table")]
    if table is None:
        return {}, [_problem(commit, key, "missing", "is missing")]
    # The manifest wins, since its digest is the tree's name; the table has no digest of its own.
    if digests and digests_of(table) != digests:
        return {}, [_problem(commit, key, "altered", f"disagrees with {MANIFEST}")]
    # Sizes are in the table alone, so only the total in the commit record can vouch for them.
    if sum(file.size_bytes for file in table) != commit.n_bytes:
        return {}, [_problem(commit, key, "altered", "names other sizes than were published")]
    return {file.name: file for file in table}, []


def _listing(registry: VersionRegistry, commit: Commit) -> dict[str, Stored]:
    objects = registry.store.list_objects(commit.prefix)
    return {key.removeprefix(commit.prefix): stored for key, stored in objects.items()}


def _compare_listing(
    commit: Commit, digests: Digests, files: dict[str, TreeFile], there: dict[str, Stored]
) -> Iterator[Problem]:
    """Yield what a listing alone shows: files missing or foreign, of another size, replaced.

    Where the manifest is damaged the table of files stands in for it, and the other way round.
    """
    expected = digests or files
    for name in sorted(expected.keys() - there.keys() - {MANIFEST}):
        yield _problem(commit, name, "missing", "is missing")
    # With neither manifest nor table every file would be `extra`, which says nothing.
    for name in sorted(there.keys() - expected.keys()) if expected else ():
        yield _problem(commit, name, "extra", "does not belong to the version")
    names = sorted((files.keys() & there.keys()) - {MANIFEST})  # the manifest was read already
    pairs = [(files[name], there[name]) for name in names]
    for file, stored in pairs:
        if stored.size_bytes != file.size_bytes:
            sentence = f"has {stored.size_bytes} bytes, expected {file.size_bytes}"
            yield _problem(commit, file.name, "size", sentence)
    # Stores differ in what their ETags are: the MD5 of the bytes, of the parts of an upload, or
    # no digest at all. One tag that agrees shows that this store's are MD5 digests; only then does
    # another that differs mean that the file was replaced.
    agrees = {
        file.name: stored.md5 == file.md5
        for file, stored in pairs
        if stored.size_bytes == file.size_bytes and stored.md5 and file.md5
    }
    if any(agrees.values()):
        for name, is_same in agrees.items():
            if not is_same:
                yield _problem(commit, name, "altered", "was replaced: the store's ETag differs")


def _compare_bytes(
    registry: VersionRegistry, commit: Commit, digests: Digests, there: set[str]
) -> Iterator[Problem]:
    names = sorted(digests.keys() & there)

    def read(name: str) -> str | None:
        data = registry.store.get(commit.prefix + name)
        return None if data is None else digest_bytes(data)

    present = track(in_parallel(read, names, registry.store), "verify", len(names))
    for name, digest in zip(names, present, strict=True):
        if digest is None:
            yield _problem(commit, name, "missing", "is missing")
        elif digest != digests[name]:
            yield _problem(commit, name, "altered", "holds other bytes than were published")
