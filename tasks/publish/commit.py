"""From a built tree to a committed version: every step may be cut short, and may be repeated.

In this order: files, split lists and cards, `MANIFEST.sha256`, the table of files, a listing that
must agree with it, the commit record, the channel. Wherever it is killed, there is a whole version
or none.
"""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version as code_version
from typing import Any, NamedTuple

import pandas as pd

from tasks.common.digests import content_key
from tasks.common.errors import ArtifactError, InputError, WorldError
from tasks.common.files import digest_bytes
from tasks.common.records import Publication, StageResult
from tasks.common.schema.tables import encode_table, plain_rows
from tasks.common.store.objects import ObjectStore
from tasks.common.workspace.artifacts import Workspace
from tasks.dataset.base_version import HISTORY
from tasks.dataset.build import MANIFEST_NAME
from tasks.publish.channels import advance_latest
from tasks.publish.gc import claim_tree
from tasks.publish.records import Commit, commit_key, manifest_key, tree_prefix
from tasks.publish.registry import Ledger
from tasks.publish.upload import is_there, upload

Row = dict[str, Any]
_TREE_ID_LENGTH = 32
_MAX_RACES = 50


class Origin(NamedTuple):
    """What a tree was made of, the version that it is built upon, what it must not be related
    to."""

    inputs: str
    base: int | None
    against: tuple[str, ...]


UNKNOWN = Origin("", None, ())


def _utc_now() -> datetime:
    return datetime.now(UTC)


def push_tree(
    tree: StageResult,
    name: str,
    workspace: Workspace,
    store: ObjectStore,
    *,
    recipe_digest: str,
    now: datetime,
    revive: bool = False,
    origin: Origin = UNKNOWN,
    clock: Callable[[], datetime] = _utc_now,
) -> Publication:
    """Publish a tree as the next version of `name`; the same tree again makes no version.

    `now` is when the run began, which the record keeps; `clock` tells how late it is meanwhile.
    What was retired is published again only to `revive` it: a scheduled run must not bring back
    what somebody took out of use.

    Raises:
        WorldError: the store failed, or does not hold what was written to it.
        InputError: the store cannot be used as it is.
    """
    store.probe()
    table = workspace.items(tree)
    tree_id, ledger = _tree_id(table), Ledger(store)
    if not revive:
        _require_not_retired(ledger, name, tree_id, _content_of(table))
    claim_tree(store, tree_id, clock())
    # Also for a version that is there already: what somebody deleted or cut short is mended.
    counts = upload(plain_rows(table), tree_prefix(tree_id, name), workspace, ledger, name)
    _put_manifest(table, tree_id, recipe_digest, ledger)
    # Claimed before the last look: what a collection deletes until then is seen to be missing.
    claim_tree(store, tree_id, clock())
    _require_whole(plain_rows(table), tree_prefix(tree_id, name), store)
    wanted = _record(table, name, tree_id, recipe_digest, now, origin)
    committed, is_new = _commit(wanted, ledger)
    advance_latest(ledger, name, committed.version)
    made = _publication(committed, store, is_new=is_new, counts=counts)
    return made.model_copy(update={"n_left_out": tree.n_dropped})


def _tree_id(table: pd.DataFrame) -> str:
    digest = table.loc[table["name"] == MANIFEST_NAME, "digest"].iloc[0]
    return str(digest)[:_TREE_ID_LENGTH]


def _content_of(table: pd.DataFrame) -> str:
    """Return a digest of what is published, whatever came before it."""
    rows = table[~table["name"].isin([MANIFEST_NAME, *HISTORY])].sort_values("name")
    return content_key(rows["name"].tolist(), rows["digest"].tolist())


def _require_not_retired(ledger: Ledger, name: str, tree_id: str, content: str) -> None:
    retired = ledger.retired_numbers(name)
    commits = [
        commit
        for commit in (ledger.commits(name) if retired else [])
        if tree_id == commit.tree or content == commit.content
    ]
    if not commits or any(commit.version not in retired for commit in commits):
        return  # never retired, or revived since
    commit = commits[-1]
    told = ledger.retirement(name, commit.version)
    why = f" since {told.at:%Y-%m-%d}: {told.reason.rstrip('.')}" if told else ""
    raise InputError(
        f"This very content is {commit.label}, retired{why}. Nothing was published. "
        "`matteflow publish --revive` makes a new version of it all the same."
    )


def _put_manifest(table: pd.DataFrame, tree_id: str, recipe_digest: str, ledger: Ledger) -> None:
    """Put the table of files, also in place of one that somebody damaged."""
    manifest = table.drop(columns="path").assign(
        recipe=recipe_digest, code=code_version("matteflow")
    )
    data, key = encode_table(manifest), manifest_key(tree_id)
    if ledger.store.put_if_absent(key, data):
        return
    wanted = {(row["name"], row["digest"], row["size_bytes"]) for row in plain_rows(table)}
    with suppress(ArtifactError):
        there = ledger.table(tree_id) or []
        if {(row["name"], row["digest"], row["size_bytes"]) for row in there} == wanted:
            return
    ledger.store.put(key, data, digest_bytes(data))


def _require_whole(rows: list[Row], prefix: str, store: ObjectStore) -> None:
    expected = {prefix + row["name"]: row for row in rows}
    there = store.list_objects(prefix)
    strangers = sorted(there.keys() - expected.keys())
    if strangers:
        raise InputError(
            f"{len(strangers)} files lie in the version's folder that do not belong there, such as "
            f"{store.url(strangers[0])}. Nothing was published. Remove them and publish again."
        )
    odd = [key for key, row in sorted(expected.items()) if not is_there(row, there.get(key))]
    if odd:
        raise WorldError(
            f"The store does not hold what was written to it: {len(odd)} of {len(expected)} files "
            f"are missing or other, such as {store.url(odd[0])}. Nothing was published; run it "
            "again."
        )


def _record(
    table: pd.DataFrame, name: str, tree_id: str, recipe_digest: str, now: datetime, origin: Origin
) -> Commit:
    images = table[table["name"].str.startswith("img_dir/")]
    sides = images["split"].value_counts()
    return Commit(
        name=name,
        version=0,
        parent=None,
        tree=tree_id,
        n_samples=len(images),
        n_train=int(sides.get("train", 0)),
        n_val=int(sides.get("val", 0)),
        n_files=len(table),
        n_bytes=int(table["size_bytes"].sum()),
        recipe=recipe_digest,
        code=code_version("matteflow"),
        committed_at=now.replace(microsecond=0),
        content=_content_of(table),
        **origin._asdict(),
    )


def _commit(wanted: Commit, ledger: Ledger) -> tuple[Commit, bool]:
    """Put the record at the next free number; a lost race takes the number after it."""
    name = wanted.name
    for _ in range(_MAX_RACES):
        newest = ledger.newest(name)
        is_mine = newest is not None and newest.tree == wanted.tree
        if newest and ledger.retirement(name, newest.version) is None:
            if is_mine:
                return newest, False
            _require_base(wanted, newest)
        number = newest.version + 1 if newest else 1
        mine = wanted.model_copy(update={"version": number, "parent": number - 1 or None})
        key, data = commit_key(name, number), mine.encode()
        # Our own record under a number that seems taken: the store's reply got lost on its way.
        # (Two publishers of one tree in one second write the same record; both may call it new.)
        if ledger.store.put_if_absent(key, data) or ledger.store.get(key) == data:
            return mine, True
    raise WorldError(f"{_MAX_RACES} other publishers were faster than this one; run it again.")


def _require_base(wanted: Commit, newest: Commit) -> None:
    """Make sure that a tree is built upon the version that it will follow.

    The number after `newest` is put only if absent, so nothing can come between.

    Raises:
        WorldError: another publisher was quicker; built anew, the samples stay where it put them.
    """
    is_known = wanted.inputs != ""  # trees of older programs were built upon nothing
    if is_known and newest.version != wanted.base and newest.inputs != wanted.inputs:
        raise WorldError(
            f"{newest.label} was published while this version was made upon "
            f"{f'v{wanted.base}' if wanted.base else 'nothing'}. Run it again: it is then made "
            "upon the newer one."
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
