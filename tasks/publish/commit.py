"""From a built tree to a committed version: every step may be interrupted and repeated.

In this order: samples, split files and cards, `MANIFEST.sha256`, the table of files, a listing that
must agree with it, the commit record, the channel. The commit record is the version: killed before
it there is no version, killed after it the version is whole.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version as code_version
from typing import NamedTuple

from tasks.common.errors import ArtifactError, InputError, MatteflowError, WorldError
from tasks.common.files import digest_bytes
from tasks.common.records import Publication, StageResult
from tasks.common.schema.columns import columns_of, encode_row, table_of
from tasks.common.schema.layout import TreeFile, parse_image
from tasks.common.schema.tables import encode_table
from tasks.common.store.objects import ObjectStore
from tasks.common.workspace.artifacts import Workspace
from tasks.publish.channels import advance_latest
from tasks.publish.content import content_of, require_not_retired, tree_id_of
from tasks.publish.records import Commit, commit_key, manifest_key, tree_prefix
from tasks.publish.registry import VersionRegistry
from tasks.publish.tombstones import lease_tree
from tasks.publish.upload import is_there, upload

# Each lost race is a version that another publisher committed; see `channels._MAX_RACES`.
_MAX_RACES = 50


class Lineage(NamedTuple):
    """What a tree was made of.

    `inputs` is the key of its inputs, `base` the number of its base version; `against` are for a
    test subset the version refs that it must not overlap with; `dropped` are the stems that
    somebody named to be left out, of this version or of its base.
    """

    inputs: str
    base: int | None
    against: tuple[str, ...]
    dropped: tuple[str, ...] = ()


UNKNOWN = Lineage("", None, ())


class OvertakenError(MatteflowError):
    """Another publisher committed a version after this tree was built on its base version.

    Built again on the newer version, the tree keeps every sample in the split where that version
    has it. Not a `WorldError`, which the task would retry: the same tree cannot succeed.
    """


class TakenDownError(MatteflowError):
    """Something in the tree was taken down after it was built; it has to be built without it."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


def commit_tree(
    tree: StageResult,
    name: str,
    workspace: Workspace,
    store: ObjectStore,
    *,
    recipe_digest: str,
    now: datetime,
    revive: bool = False,
    lineage: Lineage = UNKNOWN,
    clock: Callable[[], datetime] = _utc_now,
    find_taken_down: Callable[[Sequence[TreeFile]], Sequence[str]] = lambda _: (),
) -> Publication:
    """Publish a tree as the next version of `name`; the same tree again makes no version.

    `now` is when the run began, which the record keeps; `clock` gives the present time for leases.
    Retired content is published again only with `revive`: a scheduled run must not bring back
    what a person took out of use. `find_taken_down` returns the samples that were taken down by
    now: an upload takes hours, in which a takedown may be recorded.

    Raises:
        OvertakenError: another publisher committed a version after the base version was read.
        TakenDownError: samples of the tree were taken down since it was built.
        WorldError: the store failed, or does not hold what was written to it.
        InputError: the store cannot be used as it is.
    """
    # Before any write: on a store that ignores conditions two publishers would overwrite each
    # other's records, and nothing would show it.
    store.probe()
    files = workspace.rows(TreeFile, tree)
    tree_id, registry = tree_id_of(files), VersionRegistry(store)
    prefix = tree_prefix(tree_id, name)
    # Before the upload, which may take hours and would end with this refusal anyway.
    if not revive:
        require_not_retired(registry, name, files)
    # Before the listing that decides what is uploaded: files listed without a lease may be deleted
    # before the commit. The clock, not `now`: a lease dated at the start of a long run could be
    # past its grace already.
    lease_tree(store, tree_id, clock())
    # Also for a version that is there already: files that were deleted or cut short are replaced.
    counts = upload(files, prefix, workspace, registry, name, lineage.base)
    # After the files and before the record: whoever reads a commit record finds the table.
    _put_file_table(files, tree_id, recipe_digest, registry)
    # The lease is renewed before the listing is compared: a file that a collection deleted until
    # then is missing in the listing, and from then on the collection meets the lease.
    lease_tree(store, tree_id, clock())
    _require_whole(files, prefix, store)
    proposed = _record(files, name, tree_id, recipe_digest, now, lineage)
    taken_down = find_taken_down(files)
    if taken_down:
        raise TakenDownError(
            f"{len(taken_down)} samples were taken down while they were published."
        )
    committed, is_new = _commit(proposed, registry)
    # Last, since `latest` must not name a version that does not exist. If the process is killed
    # before this line, `latest` lags behind until the same tree is published again: `_commit` then
    # returns the version that exists.
    advance_latest(registry, name, committed.version)
    publication = _publication(committed, store, is_new=is_new, counts=counts)
    n_carried = sum(file.path is None for file in files if parse_image(file.name))
    return publication.model_copy(update={"n_left_out": tree.n_dropped, "n_carried": n_carried})


def _put_file_table(
    files: Sequence[TreeFile], tree_id: str, recipe_digest: str, registry: VersionRegistry
) -> None:
    """Put the table of files, also in place of a damaged one."""
    columns = columns_of(TreeFile) | {"recipe": "string", "code": "string"}
    del columns["path"]  # where this machine built the file says nothing to others
    origin = {"recipe": recipe_digest, "code": code_version("matteflow")}
    data = encode_table(table_of([encode_row(file) | origin for file in files], columns))
    key = manifest_key(tree_id)
    # The table belongs to the tree, not to a version: the same tree was perhaps published before,
    # by another program version, whose columns `recipe` and `code` then stay.
    if registry.store.put_if_absent(key, data):
        return
    with suppress(ArtifactError):
        if _identity(registry.files_of_tree(tree_id) or ()) == _identity(files):
            return
    # Only a damaged table gets here. Two publishers of one tree name the same files, so it does
    # not matter whose table stays.
    registry.store.put(key, data, digest_bytes(data))


def _identity(files: Sequence[TreeFile]) -> set[tuple[str, str, int]]:
    # Columns that every program so far wrote; to compare later ones would replace whole old tables.
    return {(file.name, file.digest, file.size_bytes) for file in files}


def _require_whole(files: Sequence[TreeFile], prefix: str, store: ObjectStore) -> None:
    expected = {prefix + file.name: file for file in files}
    there = store.list_objects(prefix)
    # `aws s3 sync` copies a whole folder, so a trainer would read a foreign file as well.
    foreign = sorted(there.keys() - expected.keys())
    if foreign:
        raise InputError(
            f"{len(foreign)} files lie in the version's folder that do not belong there, such as "
            f"{store.url(foreign[0])}. Nothing was published. Remove them and publish again."
        )
    wrong = [key for key, file in sorted(expected.items()) if not is_there(file, there.get(key))]
    if wrong:
        raise WorldError(
            f"The store does not hold what was written to it: {len(wrong)} of {len(expected)} "
            f"files are missing or differ, such as {store.url(wrong[0])}. Nothing was published; "
            "run it again."
        )


def _record(
    files: Sequence[TreeFile],
    name: str,
    tree_id: str,
    recipe_digest: str,
    now: datetime,
    lineage: Lineage,
) -> Commit:
    images = [file for file in files if parse_image(file.name)]
    n_in_split = Counter(file.split for file in images)
    return Commit(
        name=name,
        version=0,  # number and parent are known only when the record is put
        parent=None,
        tree=tree_id,
        n_samples=len(images),
        n_train=n_in_split["train"],
        n_val=n_in_split["val"],
        n_files=len(files),
        n_bytes=sum(file.size_bytes for file in files),
        recipe=recipe_digest,
        code=code_version("matteflow"),
        # Whole seconds, in which people read it. A retry of the task has the same `now`, hence the
        # same bytes: `_commit` recognises its own record by them.
        committed_at=now.replace(microsecond=0),
        content=content_of(files),
        **lineage._asdict(),
    )


def _commit(proposed: Commit, registry: VersionRegistry) -> tuple[Commit, bool]:
    """Put the record at the next free number; a lost race takes the number after it.

    Returns the record of the version, and whether the version is new.
    """
    name = proposed.name
    for _ in range(_MAX_RACES):
        # Read again after each lost race: the winner may have committed the very same tree.
        newest = registry.newest(name)
        is_same_tree = newest is not None and newest.tree == proposed.tree
        # A retired newest version is neither repeated nor a base, but its number stays taken.
        if newest and registry.retirement(name, newest.version) is None:
            if is_same_tree:
                return newest, False
            _require_base(proposed, newest)
        number = newest.version + 1 if newest else 1
        record = proposed.model_copy(update={"version": number, "parent": number - 1 or None})
        key, data = commit_key(name, number), record.encode()
        # The number is taken, but by this record: the store wrote it and its reply was lost. (Two
        # publishers of one tree in one second write equal records; both may report it as new.)
        if registry.store.put_if_absent(key, data) or registry.store.get(key) == data:
            return record, True
    raise WorldError(f"{_MAX_RACES} other publishers were faster than this one; run it again.")


def _require_base(proposed: Commit, newest: Commit) -> None:
    """Make sure that a tree is built on the version that it will follow.

    Without this check two publishers could choose different splits for samples of one group, and
    the later version would move samples of the earlier one. The record is then put at the number
    after `newest` only if that is absent, so no version can come between check and record. A
    version made of the same inputs does no harm: both trees were built on the same base version.

    Raises:
        OvertakenError: another publisher committed `newest` after the base version was read.
    """
    is_known = proposed.inputs != ""  # trees of older programs name neither inputs nor base
    if is_known and newest.version != proposed.base and newest.inputs != proposed.inputs:
        base = f"v{proposed.base}" if proposed.base else "no version"
        raise OvertakenError(
            f"{newest.label} was published while this version was built on {base}. Run it again: "
            "it is then built on the newer one."
        )


def _publication(
    commit: Commit, store: ObjectStore, *, is_new: bool, counts: Counter[str]
) -> Publication:
    return Publication(
        name=commit.name,
        version=commit.version,
        tree_id=commit.tree,
        url=store.url(commit.prefix).rstrip("/"),
        is_new=is_new,
        n_samples=commit.n_samples,
        n_train=commit.n_train,
        n_val=commit.n_val,
        n_files=commit.n_files,
        n_bytes=commit.n_bytes,
        n_uploaded=counts["uploaded"],
        n_copied=counts["copied"],
        n_present=counts["present"],
    )
