"""Upload a tree to a store: present files stay, files of other versions are copied."""

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress

from tasks.common.errors import ArtifactError
from tasks.common.files import digest_bytes
from tasks.common.progress import track
from tasks.common.schema.layout import MANIFEST, TreeFile, is_of_sample
from tasks.common.store.objects import Content, Stored, in_parallel
from tasks.common.workspace.artifacts import Workspace
from tasks.publish.records import Commit
from tasks.publish.registry import VersionRegistry

# Each version costs one read of its table. Older ones rarely hold a file that newer ones lack, and
# an upload is the fallback.
_MAX_OWN_VERSIONS = 10
_MAX_OTHER_SUBSETS = 20


def upload(
    files: Sequence[TreeFile],
    prefix: str,
    workspace: Workspace,
    registry: VersionRegistry,
    name: str,
) -> Counter[str]:
    """Bring every file into the store, the manifest last; count what was done how.

    Raises:
        ArtifactError: a file of the workspace changed since the tree was built.
    """
    store = registry.store
    # One listing instead of a request per file. It is read after the lease, so no collection
    # deletes what it shows.
    present = store.list_objects(prefix)
    missing = {file.digest for file in files if not is_there(file, present.get(prefix + file.name))}
    copies = _find_copies(missing, registry, name, prefix)

    def bring(file: TreeFile) -> str:
        key = prefix + file.name
        if is_there(file, present.get(key)):
            return "present"
        if file.digest in copies and store.copy(copies[file.digest], key, _content_of(file)):
            return "copied"
        # Also where the copy failed: the source may be damaged or deleted since its table was
        # written.
        store.put(key, _bytes_of(file, workspace), file.digest)
        return "uploaded"

    counts: Counter[str] = Counter()
    # Generators: a batch starts only when all files of the one before it are in the store.
    batches = [in_parallel(bring, batch, store) for batch in _in_order(files)]
    actions = (action for batch in batches for action in batch)
    counts.update(track(actions, "upload", len(files)))
    return counts


def is_there(file: TreeFile, stored: Stored | None) -> bool:
    """Say whether a listing shows a file of the tree: of its size, and of its MD5 if given."""
    return stored is not None and stored.may_hold(_content_of(file))


def _content_of(file: TreeFile) -> Content:
    return Content(file.size_bytes, file.digest, file.md5)


def _in_order(files: Iterable[TreeFile]) -> list[list[TreeFile]]:
    """Samples first, then split files and cards, then the manifest.

    A file that names others comes after them: a killed upload never names what is not there.
    """
    batches: list[list[TreeFile]] = [[], [], []]
    for file in files:
        last = 2 if file.name == MANIFEST else 1
        batches[0 if is_of_sample(file.name) else last].append(file)
    return batches


def _find_copies(
    missing: set[str], registry: VersionRegistry, name: str, prefix: str
) -> dict[str, str]:
    """Return, by sha256, the keys under which other trees hold files that this one lacks."""
    copies: dict[str, str] = {}
    for commit in _earlier(registry, name):
        if missing <= copies.keys():
            break
        # The same tree: its files are the ones that are missing.
        if commit.prefix == prefix:
            continue
        with suppress(ArtifactError):  # `verify` reports a damaged table; here it costs an upload
            for file in registry.files(commit) or ():
                if file.digest in missing:
                    copies.setdefault(file.digest, commit.prefix + file.name)
    return copies


def _earlier(registry: VersionRegistry, name: str) -> Iterable[Commit]:
    """Yield versions that may share files: this subset's, newest first, then the others' newest."""
    own = registry.numbers_in_use(name)[-_MAX_OWN_VERSIONS:]
    for number in reversed(own):
        commit = registry.commit(name, number)
        if commit is not None:
            yield commit
    # Names hold a date, so the reverse order begins with the newest subsets.
    others = [subset for subset in reversed(registry.names()) if subset != name]
    for subset in others[:_MAX_OTHER_SUBSETS]:
        commit = registry.newest(subset)
        if commit is not None:
            yield commit


def _bytes_of(file: TreeFile, workspace: Workspace) -> bytes:
    if file.path is None:
        raise ValueError(f"{file.name} was read from a store and is in no workspace")
    data = workspace.path(file.path).read_bytes()
    # The manifest has this digest already; other bytes would be a version that never verifies.
    if digest_bytes(data) != file.digest:
        raise ArtifactError(f"{file.path} changed since the tree was built; publish again.")
    return data
