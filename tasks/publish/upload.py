"""Upload a tree to a store: present files stay, files of other versions are copied."""

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress

from tasks.common.errors import ArtifactError
from tasks.common.files import digest_bytes
from tasks.common.progress import track
from tasks.common.schema.layout import MANIFEST, TreeFile, is_of_sample
from tasks.common.store.objects import Content, ObjectStore, Stored, in_parallel
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
    base: int | None = None,
) -> Counter[str]:
    """Bring every file into the store, the manifest last; count what was done how.

    Files without a path are those of the version `base`, copied within the store.

    Raises:
        ArtifactError: a file of the workspace changed since the tree was built, or a file of the
            base version is not there any more.
    """
    store = registry.store
    # One listing instead of a request per file. It is read after the lease, so no collection
    # deletes what it shows.
    present = store.list_objects(prefix)
    missing = {file.digest for file in files if not is_there(file, present.get(prefix + file.name))}
    copies = _find_copies(missing, registry, name, prefix, base)

    def bring(file: TreeFile) -> str:
        key = prefix + file.name
        if is_there(file, present.get(key)):
            return "present"
        if file.digest in copies and store.copy(copies[file.digest], key, _content_of(file)):
            return "copied"
        # Also where the copy failed: the source may be damaged or deleted since its table was
        # written.
        store.put(key, _bytes_of(file, workspace, store, copies.get(file.digest)), file.digest)
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
    missing: set[str], registry: VersionRegistry, name: str, prefix: str, base: int | None
) -> dict[str, str]:
    """Return, by sha256, the keys under which other trees hold files that this one lacks."""
    copies: dict[str, str] = {}
    for commit in _earlier(registry, name, base):
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


def _earlier(registry: VersionRegistry, name: str, base: int | None) -> Iterable[Commit]:
    """Yield versions that may share files: this subset's, newest first, then the others' newest.

    The base comes first, even if it was retired meanwhile: what is carried over lies there alone.
    """
    own = [number for number in registry.numbers_in_use(name) if number != base]
    first = [] if base is None else [base]
    for number in [*first, *reversed(own[-_MAX_OWN_VERSIONS:])]:
        commit = registry.commit(name, number)
        if commit is not None:
            yield commit
    # Names hold a date, so the reverse order begins with the newest subsets.
    others = [subset for subset in reversed(registry.names()) if subset != name]
    for subset in others[:_MAX_OTHER_SUBSETS]:
        commit = registry.newest(subset)
        if commit is not None:
            yield commit


def _bytes_of(file: TreeFile, workspace: Workspace, store: ObjectStore, copy: str | None) -> bytes:
    """Return the bytes of a file: from the workspace, else from the version that it comes from."""
    if file.path is None:
        # Only where the store cannot copy, such as a file system without hard links.
        data = store.get(copy) if copy is not None else None
        if data is None or digest_bytes(data) != file.digest:
            raise ArtifactError(
                f"{file.name} is carried over from an earlier version, whose file is missing or "
                "damaged; `matteflow verify --deep` lists the problems. Restore it from a backup, "
                "or ingest its source again."
            )
        return data
    data = workspace.path(file.path).read_bytes()
    # The manifest has this digest already; other bytes would be a version that never verifies.
    if digest_bytes(data) != file.digest:
        raise ArtifactError(f"{file.path} changed since the tree was built; publish again.")
    return data
