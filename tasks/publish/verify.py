"""Whether a version is what its record says: by listing, or by reading every byte."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from tasks.common.errors import ArtifactError
from tasks.common.files import digest_bytes
from tasks.common.progress import track
from tasks.common.store.objects import Stored, in_parallel
from tasks.dataset.build import MANIFEST_NAME, read_manifest
from tasks.publish.records import Commit, commit_key, manifest_key
from tasks.publish.registry import Ledger

Digests = dict[str, str]


class Problem(NamedTuple):
    """One thing that is not as it was published: file, stable reason word, sentence."""

    version: str
    file: str
    reason: str
    sentence: str


def verify_all(ledger: Ledger, words: str, *, deep: bool) -> tuple[list[str], list[Problem]]:
    """Verify what is meant: NAME@… one version, NAME all that are in use, nothing the whole store.

    Returns which versions were looked at, and what is wrong. A record that is damaged is a problem
    of its version and does not keep the others from being looked at.

    Raises:
        InputError: nothing of that name is published, or nothing at all.
    """
    if "@" in words:
        commit = ledger.resolve(words)
        return [commit.label], list(verify_version(ledger, commit, deep=deep))
    names = [words] if words else ledger.names()
    if not words or not ledger.numbers(words):
        ledger.require_any(words)
    labels, problems = [], []
    for name in names:
        for number in ledger.numbers_in_use(name):
            labels.append(f"{name}@v{number}")
            try:
                found = ledger.commit(name, number)
            except ArtifactError:
                key = commit_key(name, number)
                problems.append(Problem(labels[-1], key, "altered", f"{key} is no commit record"))
                continue
            if found is not None:
                problems += verify_version(ledger, found, deep=deep)
    return labels, problems


def verify_version(ledger: Ledger, commit: Commit, *, deep: bool = False) -> Iterator[Problem]:
    """Yield what is wrong with a version, nothing for a whole one.

    The truth is `MANIFEST.sha256`, whose own digest names the tree. Without `deep` the listing is
    compared with it: files missing, of another size, or too many, and where the store's ETags are
    MD5 digests also files that somebody replaced. With `deep` every byte is read.
    """
    digests, problems = _read_digests(ledger, commit)
    yield from problems
    rows, problems = _read_rows(ledger, commit, digests)
    yield from problems
    there = _by_name(ledger, commit)
    odd = list(_compare_listing(commit, digests, rows, there))
    yield from odd
    if deep:
        expected = digests or {name: row["digest"] for name, row in rows.items()}
        told = {problem.file for problem in odd} | {MANIFEST_NAME}
        yield from _compare_bytes(ledger, commit, expected, there.keys() - told)


def _problem(commit: Commit, file: str, reason: str, sentence: str) -> Problem:
    return Problem(commit.label, file, reason, f"{file} {sentence}")


def _read_digests(ledger: Ledger, commit: Commit) -> tuple[Digests, list[Problem]]:
    """Read the list of digests, and compare it with the name of the tree."""
    data = ledger.store.get(commit.prefix + MANIFEST_NAME)
    if data is None:
        return {}, [_problem(commit, MANIFEST_NAME, "missing", "is missing")]
    digest = digest_bytes(data)
    if not digest.startswith(commit.tree):
        sentence = "is not the list of digests that gave the tree its name"
        return {}, [_problem(commit, MANIFEST_NAME, "altered", sentence)]
    return read_manifest(data) | {MANIFEST_NAME: digest}, []


def _read_rows(
    ledger: Ledger, commit: Commit, digests: Digests
) -> tuple[dict[str, dict[str, Any]], list[Problem]]:
    """Read the table of files, and compare it with the list of digests."""
    key = manifest_key(commit.tree)
    try:
        found = ledger.files(commit)
    except ArtifactError:
        return {}, [_problem(commit, key, "altered", "cannot be read as a table")]
    if found is None:
        return {}, [_problem(commit, key, "missing", "is missing")]
    rows = {row["name"]: row for row in found}
    if digests and {name: row["digest"] for name, row in rows.items()} != digests:
        return {}, [_problem(commit, key, "altered", f"says something else than {MANIFEST_NAME}")]
    if sum(row["size_bytes"] for row in rows.values()) != commit.n_bytes:
        return {}, [_problem(commit, key, "altered", "names other sizes than were published")]
    return rows, []


def _by_name(ledger: Ledger, commit: Commit) -> dict[str, Stored]:
    there = ledger.store.list_objects(commit.prefix)
    return {key.removeprefix(commit.prefix): stored for key, stored in there.items()}


def _compare_listing(
    commit: Commit, digests: Digests, rows: dict[str, dict[str, Any]], there: dict[str, Stored]
) -> Iterator[Problem]:
    expected = digests or rows
    for name in sorted(expected.keys() - there.keys() - {MANIFEST_NAME}):
        yield _problem(commit, name, "missing", "is missing")
    for name in sorted(there.keys() - expected.keys()) if expected else ():
        yield _problem(commit, name, "extra", "does not belong to the version")
    names = sorted((rows.keys() & there.keys()) - {MANIFEST_NAME})  # which was read already
    both = [(name, rows[name], there[name]) for name in names]
    for name, row, stored in both:
        if stored.size_bytes != row["size_bytes"]:
            sentence = f"has {stored.size_bytes} bytes, expected {row['size_bytes']}"
            yield _problem(commit, name, "size", sentence)
    same_size = [item for item in both if item[2].size_bytes == item[1]["size_bytes"]]
    told = [(name, stored.md5 == row["md5"]) for name, row, stored in same_size
            if stored.md5 and row.get("md5")]  # fmt: skip
    if any(agrees for _, agrees in told):  # else the store's tags are no MD5 digests
        for name, agrees in told:
            if not agrees:
                yield _problem(commit, name, "altered", "was replaced: the store's ETag differs")


def _compare_bytes(
    ledger: Ledger, commit: Commit, digests: Digests, there: set[str]
) -> Iterator[Problem]:
    names = sorted(digests.keys() & there)

    def read(name: str) -> str | None:
        data = ledger.store.get(commit.prefix + name)
        return None if data is None else digest_bytes(data)

    found = track(in_parallel(read, names, ledger.store), "verify", len(names))
    for name, digest in zip(names, found, strict=True):
        if digest is None:
            yield _problem(commit, name, "missing", "is missing")
        elif digest != digests[name]:
            yield _problem(commit, name, "altered", "holds other bytes than were published")
