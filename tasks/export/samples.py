"""The samples of a published version, read one by one and checked against its manifest."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tasks.common.errors import ArtifactError
from tasks.common.files import digest_bytes
from tasks.common.progress import track
from tasks.common.schema.layout import MANIFEST, read_manifest
from tasks.common.schema.sample import SampleRow
from tasks.common.store.objects import ObjectStore, in_parallel


@dataclass(frozen=True)
class Version:
    """A published version to convert; `prefix` is the folder of its files in the store.

    `tree` is the beginning of the sha256 of its manifest.
    """

    label: str
    tree: str
    prefix: str
    samples: Sequence[SampleRow]


class SampleBytes(NamedTuple):
    """A published sample with the bytes of its image (JPEG) and mask (PNG: 0, 1, 255)."""

    row: SampleRow
    jpeg: bytes
    png: bytes


def read_pictures(store: ObjectStore, version: Version) -> Iterator[SampleBytes]:
    """Yield the samples of a version in order of split, then stem.

    Raises:
        ArtifactError: a file is missing, or its digest is not that of the manifest.
    """
    manifest = store.get(version.prefix + MANIFEST)
    if manifest is None or not digest_bytes(manifest).startswith(version.tree):
        raise _damaged(version, MANIFEST)
    digests = read_manifest(manifest)

    # Every byte is compared: an export leaves the store, and nothing would notice damage later.
    def read(name: str) -> bytes:
        data = store.get(version.prefix + name)
        if data is None or digest_bytes(data) != digests.get(name):
            raise _damaged(version, name)
        return data

    def load(row: SampleRow) -> SampleBytes:
        return SampleBytes(row, read(row.paths.image), read(row.paths.mask))

    # Writers rely on the order: a shard holds samples of one split.
    rows = sorted(version.samples, key=lambda row: (row.split, row.stem))
    yield from track(in_parallel(load, rows, store), "export", len(rows))


def _damaged(version: Version, name: str) -> ArtifactError:
    return ArtifactError(
        f"{name} of {version.label} is missing or differs from what was published; "
        f"`matteflow verify --deep {version.label}` lists the problems."
    )
