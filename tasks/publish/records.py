"""What a store holds besides files: commit records, channels, retirements."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator


class StoreRecord(BaseModel):
    """Base of what later versions of this program may have written with more fields."""

    # Unknown fields are ignored, not refused: an older program must still read what a newer one
    # wrote, since the two may share a store for weeks.
    model_config = ConfigDict(frozen=True, extra="ignore")

    def encode(self) -> bytes:
        """Return the bytes that are stored: the same for the same values."""
        # Field order decides the bytes, and `_commit` recognises its own record by them.
        return self.model_dump_json(indent=1).encode()


class Commit(StoreRecord):
    """`versions/<NAME>/v0001.json`: written once, never changed. The version exists if it does."""

    name: str
    version: int
    parent: int | None
    tree: str
    n_samples: int
    n_train: int
    n_val: int
    n_files: int
    n_bytes: int
    recipe: str
    code: str
    committed_at: datetime
    inputs: str = ""  # key of what it was made of, without its base version
    content: str = ""  # digest of what is published, without the history files
    base: int | None = None  # number of its base version
    against: tuple[str, ...] = ()  # of a test subset: version refs that it must not overlap with
    dropped: tuple[str, ...] = ()  # digests of samples that later versions are without, too

    @property
    def label(self) -> str:
        """How people name it, such as CustomSeg_Person_20261122_demo@v3."""
        return f"{self.name}@v{self.version}"

    @property
    def prefix(self) -> str:
        """The key prefix of its files."""
        return tree_prefix(self.tree, self.name)


class Channel(StoreRecord):
    """The version that a name such as `latest` points to.

    `newest` is the highest version at the time of that choice: only a later one moves `latest`
    on, so that a rollback holds while the same content is published again.
    """

    version: int
    newest: int

    @model_validator(mode="before")
    @classmethod
    def _of_number(cls, value: Any) -> Any:
        """Take the plain number that stores written before rollbacks hold."""
        return {"version": value, "newest": value} if isinstance(value, int) else value


class Retirement(StoreRecord):
    """`retired/<NAME>/v0001.json`: this version is not to be used, and gc may remove its files."""

    at: datetime
    reason: str


def tree_prefix(tree_id: str, name: str) -> str:
    """Return the key prefix of a tree's files."""
    return f"trees/{tree_id}/{name}/"


def commit_key(name: str, number: int) -> str:
    """Return the key of a commit record."""
    # Padded for people who list a bucket. Code sorts by the number, so v10000 is no problem.
    return f"versions/{name}/v{number:04d}.json"


def manifest_key(tree_id: str) -> str:
    """Return the key of the table of a tree's files."""
    return f"manifests/{tree_id}.parquet"


def channels_key(name: str) -> str:
    """Return the key of a subset's channels, an object that changes."""
    return f"channels/{name}.json"


def retirement_key(name: str, number: int) -> str:
    """Return the key that says that a version is retired."""
    return f"retired/{name}/v{number:04d}.json"
