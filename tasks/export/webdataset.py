"""WebDataset: tar shards of image, mask and metadata, with a Parquet index over them."""

import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pandas as pd

from tasks.common.files import write_file
from tasks.common.schema.sample import SAMPLE_COLUMNS, plain_row
from tasks.common.schema.tables import encode_table
from tasks.export.samples import SampleBytes

# WebDataset advises shards of 100 MB to 1 GB; a crop with its mask takes some hundred kB.
SHARD_SAMPLES = 1000
_EPOCH = 0.0  # a fixed modification time, so that the same samples give the same bytes


def write_shards(samples: Iterable[SampleBytes], folder: Path, size: int = SHARD_SAMPLES) -> None:
    """Write `<split>-000000.tar` and so on, at most `size` samples each, and `index.parquet`.

    A sample is `stem.jpg`, `stem.png` (0 background, 1 person, 255 ignored) and
    `stem.json`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = list(_write(samples, folder, size))
    table = pd.DataFrame(rows, columns=["shard", *SAMPLE_COLUMNS])
    table = table.astype({"shard": "string", **SAMPLE_COLUMNS})
    write_file(folder / "index.parquet", encode_table(table))


def _write(samples: Iterable[SampleBytes], folder: Path, size: int) -> Iterator[dict[str, object]]:
    """Write the shards; yield the row of the index for each sample."""
    # Imported here, since webdataset is an optional dependency.
    from webdataset import TarWriter

    counts: dict[str, int] = {}
    with ExitStack() as opened:
        writer: Any = None
        for sample in samples:
            split, values = sample.row.split, plain_row(sample.row)
            position = counts.get(split, 0)
            counts[split] = position + 1
            shard = f"{split}-{position // size:06d}.tar"
            # Samples come by split, so one open shard is enough.
            if position % size == 0:
                opened.close()
                writer = opened.enter_context(TarWriter(str(folder / shard), mtime=_EPOCH))
            # Absent rather than null: WebDataset's decoders give samples without the key.
            metadata = {name: value for name, value in values.items() if value is not None}
            metadata["scenes"] = list(sample.row.scenes)
            text = json.dumps(metadata, ensure_ascii=False, sort_keys=True)
            writer.write(
                {
                    "__key__": sample.row.stem,
                    "jpg": sample.jpeg,
                    "png": sample.png,
                    "json": text.encode(),
                }
            )
            yield {"shard": shard, **values}
