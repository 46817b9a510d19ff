"""Versions that nobody published: records and tables as a test needs them, and damage."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from tasks.common.files import digest_bytes
from tasks.common.schema.columns import to_table
from tasks.common.schema.layout import TreeFile, sample_paths
from tasks.common.schema.tables import encode_table
from tasks.common.store.objects import ObjectStore
from tasks.publish.records import Commit, channels_key, commit_key, manifest_key
from tests.dataset.trees import NAME

COMMITTED_AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class Shape(NamedTuple):
    """What a sample of a forged version shall be; digests are any words."""

    split: str = "train"
    scenes: tuple[str, ...] = ()
    image: str = "image"
    mask: str = "mask"


def record(number: int, **facts: Any) -> Commit:
    """Return a commit record, of `NAME` and without files unless `facts` say else."""
    counts = dict.fromkeys(("n_samples", "n_train", "n_val", "n_files", "n_bytes"), 0)
    values = {"name": NAME, "version": number, "parent": number - 1 or None, "tree": f"t{number}"}
    told = {"recipe": "r", "code": "0", "committed_at": COMMITTED_AT}
    return Commit.model_validate(counts | values | told | facts)


def put(store: ObjectStore, key: str, data: bytes) -> None:
    """Put an object, whatever lies there."""
    store.put(key, data, digest_bytes(data))


def put_record(store: ObjectStore, number: int, **facts: Any) -> Commit:
    """Put a commit record into the store; nothing else of the version is there."""
    made = record(number, **facts)
    put(store, commit_key(made.name, number), made.encode())
    return made


def put_version(
    store: ObjectStore, number: int, samples: Mapping[str, Shape], **facts: Any
) -> Commit:
    """Put a record and the table of the version's files, but no file."""
    files = [file for stem, shape in samples.items() for file in _files(stem, shape)]
    files.append(TreeFile("README.md", None, "card", None, 4))
    made = put_record(store, number, n_samples=len(samples), **facts)
    put(store, manifest_key(made.tree), encode_table(to_table(TreeFile, files)))
    return made


def _files(stem: str, shape: Shape) -> list[TreeFile]:
    paths = sample_paths(shape.split, stem)
    digests = (shape.image, shape.mask)
    return [
        TreeFile(path, None, digest, None, 4, scenes=shape.scenes)
        for path, digest in zip(paths, digests, strict=True)
    ]


def put_channels(store: ObjectStore, values: Any) -> None:
    """Put the channels of `NAME` as they shall stand there."""
    put(store, channels_key(NAME), json.dumps(values).encode())


def channel_values(store: ObjectStore) -> dict[str, Any]:
    """Return what stands in the channels of `NAME`."""
    return dict(json.loads(store.get(channels_key(NAME)) or b"{}"))
