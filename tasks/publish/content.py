"""Recognise content that was published before, so that a retired version does not come back."""

from collections.abc import Sequence, Set
from contextlib import suppress

from tasks.common.digests import content_key
from tasks.common.errors import ArtifactError, InputError
from tasks.common.schema.layout import (
    HISTORY,
    MANIFEST,
    OLD_SPLIT_ASSIGNMENT,
    SAMPLE_TABLE,
    SPLIT_FILES,
    TreeFile,
    is_of_sample,
)
from tasks.publish.records import Commit
from tasks.publish.registry import VersionRegistry

# Hex digits of a sha256: 128 bits are enough that two trees never share a name by chance, and keys
# stay readable.
_TREE_ID_LENGTH = 32


def tree_id_of(files: Sequence[TreeFile]) -> str:
    """Return the name of a tree: the beginning of the sha256 of its manifest."""
    (manifest,) = (file for file in files if file.name == MANIFEST)
    return manifest.digest[:_TREE_ID_LENGTH]


def content_of(files: Sequence[TreeFile]) -> str:
    """Return a digest of what is published, whatever came before it."""
    # The manifest is left out with the history, since it holds the digests of the history files.
    pairs = sorted((f.name, f.digest) for f in files if f.name not in (MANIFEST, *HISTORY))
    return content_key([name for name, _ in pairs], [digest for _, digest in pairs])


def require_not_retired(registry: VersionRegistry, name: str, files: Sequence[TreeFile]) -> None:
    """Refuse content all of whose versions are retired.

    A version in use with the same content means that it was revived after it was retired.

    Raises:
        InputError: the sentence names the version, when and why it was retired.
    """
    retired = set(registry.retired_numbers(name))
    if not retired:
        return
    commits = registry.commits(name)
    same = _with_content(commits, tree_id_of(files), content_of(files))
    if not same:
        same = _retired_in_old_format(commits, retired, files, registry)
    # One version in use is enough: a person revived this content, and a scheduled run may repeat
    # it.
    if not same or any(commit.version not in retired for commit in same):
        return
    # The newest of them carries the reason that holds now.
    commit = same[-1]
    record = registry.retirement(name, commit.version)
    why = f" since {record.at:%Y-%m-%d}: {record.reason.rstrip('.')}" if record else ""
    raise InputError(
        f"This content is {commit.label}, retired{why}. Nothing was published. "
        "`matteflow publish --revive` publishes it again as a new version."
    )


def _with_content(commits: Sequence[Commit], tree_id: str, content: str) -> list[Commit]:
    return [
        commit
        for commit in commits
        # Records of older programs have no digest of their content: empty must not equal empty.
        if commit.tree == tree_id or (content and commit.content == content)
    ]


def _retired_in_old_format(
    commits: Sequence[Commit],
    retired: Set[int],
    files: Sequence[TreeFile],
    registry: VersionRegistry,
) -> list[Commit]:
    """Return the versions with the content of a retired one that holds the same samples as `files`.

    Only retired versions with `sides.json` count. Since `splits.json` the card and the metadata
    read differently for the same samples, so the digest of the content cannot recognise them; but
    images, masks, split files and `samples.csv` are the same bytes. Without this check a scheduled
    run would publish retired samples again after an upgrade of the program.
    """
    samples = _samples_of(files)
    # Newest first: a scheduled run repeats the last content much more often than an old one, and
    # each step reads a table from the store.
    for commit in reversed(commits):
        if commit.version not in retired:
            continue
        with suppress(ArtifactError):  # `verify` reports a damaged table
            table = registry.files(commit) or []
            is_old = any(file.name == OLD_SPLIT_ASSIGNMENT for file in table)
            if is_old and _samples_of(table) == samples:
                return _with_content(commits, commit.tree, commit.content)
    return []


def _samples_of(files: Sequence[TreeFile]) -> set[tuple[str, str]]:
    """Return name and digest of the files that a training reads, and of the table of samples."""
    return {
        (file.name, file.digest)
        for file in files
        if is_of_sample(file.name) or file.name.startswith(SPLIT_FILES) or file.name == SAMPLE_TABLE
    }
