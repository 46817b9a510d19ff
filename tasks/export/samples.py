"""The samples of a published version, read one by one and checked byte by byte."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from tasks.common.errors import ArtifactError
from tasks.common.files import digest_bytes
from tasks.common.progress import track
from tasks.common.store.objects import in_parallel
from tasks.dataset.build import MANIFEST_NAME, read_manifest
from tasks.publish.read import read_samples
from tasks.publish.records import Commit
from tasks.publish.registry import Ledger

Row = dict[str, Any]


class Item(NamedTuple):
    """A published sample: its row of `samples.csv`, the bytes of image and annotation."""

    row: Row
    jpeg: bytes
    png: bytes

    @property
    def stem(self) -> str:
        """The name of image and annotation without suffix."""
        return str(self.row["stem"])

    @property
    def split(self) -> str:
        """Its side: train or val."""
        return str(self.row["split"])

    @property
    def scenes(self) -> list[str]:
        """The fine-grained scenes that it is in."""
        return (self.row["scenes"] or "").split(";") if self.row["scenes"] else []


def read_items(ledger: Ledger, commit: Commit) -> Iterator[Item]:
    """Yield the samples of a version in order of side, then stem.

    Raises:
        ArtifactError: a file is missing, or not what was published.
    """
    manifest = ledger.store.get(commit.prefix + MANIFEST_NAME)
    if manifest is None or not digest_bytes(manifest).startswith(commit.tree):
        raise _not_whole(commit, MANIFEST_NAME)
    digests = read_manifest(manifest)

    def read(name: str) -> bytes:
        data = ledger.store.get(commit.prefix + name)
        if data is None or digest_bytes(data) != digests.get(name):
            raise _not_whole(commit, name)
        return data

    def load(row: Row) -> Item:
        place = f"{row['split']}/{row['stem']}"
        return Item(row, read(f"img_dir/{place}.jpg"), read(f"ann_dir/{place}.png"))

    rows = sorted(read_samples(ledger, commit), key=lambda row: (row["split"], row["stem"]))
    yield from track(in_parallel(load, rows, ledger.store), "export", len(rows))


def _not_whole(commit: Commit, name: str) -> ArtifactError:
    return ArtifactError(
        f"{name} of {commit.label} is missing or not what was published; "
        f"`matteflow verify --deep {commit.label}` tells more."
    )
