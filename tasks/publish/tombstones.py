"""Tombstones: marks on unreferenced trees, by which publishers and collections exclude each other.

Trees are named by content, so a publisher may start to use an unreferenced one at any moment. It
turns the tombstone into a lease before it uploads, and again before it commits. A collection turns
the tombstone into that of a deletion before it deletes. Both swap the same object by
compare-and-swap, so exactly one of them succeeds: the publisher who loses raises, the collection
that loses waits for another grace period. So a publication and a deletion never meet in one tree.
"""

import secrets
from datetime import datetime
from typing import Literal

from pydantic import Field, ValidationError

from tasks.common.errors import WorldError
from tasks.common.store.objects import ObjectStore
from tasks.publish.records import StoreRecord
from tasks.publish.registry import damaged

# See `channels._MAX_RACES`.
_MAX_RACES = 50


class Tombstone(StoreRecord):
    """`gc/<tree>.json`: since when a tree is unreferenced, leased by a publisher, or deleted."""

    state: Literal["garbage", "wanted", "deleting"]  # "wanted" is a lease
    at: datetime
    # Random, so no two tombstones have equal bytes. Otherwise a swap could not tell a tombstone
    # from an equal one that was removed and put again in between (the ABA problem).
    token: str = Field(default_factory=lambda: secrets.token_hex(8))


def tombstone_key(tree_id: str) -> str:
    """Return the key of a tree's tombstone."""
    return f"gc/{tree_id}.json"


def read_tombstone(store: ObjectStore, key: str, data: bytes) -> Tombstone:
    """Parse the tombstone that was read under a key.

    Raises:
        ArtifactError: it is damaged.
    """
    try:
        return Tombstone.model_validate_json(data)
    except ValidationError as error:
        raise damaged(store, key) from error


def lease_tree(store: ObjectStore, tree_id: str, now: datetime) -> None:
    """Keep a collection from deleting a tree that is about to be used.

    Mostly there is no tombstone, and this costs one read.

    Raises:
        WorldError: the tree is being deleted right now.
    """
    key = tombstone_key(tree_id)
    for _ in range(_MAX_RACES):
        data = store.get(key)
        if data is None:
            return
        # Even an abandoned deletion: some of the files are gone, and to take it over would mean
        # that two processes decide about one tree.
        if read_tombstone(store, key, data).state == "deleting":
            break
        if store.swap(key, data, Tombstone(state="wanted", at=now).encode()):
            return
    raise WorldError(
        "The files of an earlier publication of this content are being deleted. Run the same "
        "again later. If that deletion was killed, `matteflow gc --delete` finishes it an hour "
        "after it began."
    )
