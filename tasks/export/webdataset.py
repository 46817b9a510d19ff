"""WebDataset: tar shards of picture, mask and facts, with a Parquet index over them."""

import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pandas as pd

from tasks.common.files import write_file
from tasks.common.schema.tables import encode_table
from tasks.dataset.samples_csv import SAMPLE_COLUMNS
from tasks.export.samples import Item, Row

SHARD_SAMPLES = 1000
_EPOCH = 0.0  # the same samples give the same shards


def write_shards(items: Iterable[Item], folder: Path, size: int = SHARD_SAMPLES) -> None:
    """Write `<side>-000000.tar` and so on, at most `size` samples each, and `index.parquet`.

    A sample is `stem.jpg`, `stem.png` (0 background, 1 person) and `stem.json`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = list(_write(items, folder, size))
    table = pd.DataFrame(rows, columns=["shard", *SAMPLE_COLUMNS])
    table = table.astype({"shard": "string", **SAMPLE_COLUMNS})
    write_file(folder / "index.parquet", encode_table(table))


def _write(items: Iterable[Item], folder: Path, size: int) -> Iterator[Row]:
    from webdataset import TarWriter

    counts: dict[str, int] = {}
    with ExitStack() as opened:
        writer: Any = None
        for item in items:
            place = counts.get(item.split, 0)
            counts[item.split] = place + 1
            shard = f"{item.split}-{place // size:06d}.tar"
            if place % size == 0:
                opened.close()
                writer = opened.enter_context(TarWriter(str(folder / shard), mtime=_EPOCH))
            facts = {name: value for name, value in item.row.items() if value is not None}
            text = json.dumps(facts | {"scenes": item.scenes}, ensure_ascii=False, sort_keys=True)
            writer.write(
                {"__key__": item.stem, "jpg": item.jpeg, "png": item.png, "json": text.encode()}
            )
            yield {"shard": shard, **item.row}
