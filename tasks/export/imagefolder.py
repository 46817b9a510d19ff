"""Hugging Face `imagefolder`: images and masks by split, with `metadata.jsonl`."""

import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from tasks.common.files import write_file
from tasks.export.samples import SampleBytes


def write_image_folder(samples: Iterable[SampleBytes], folder: Path) -> None:
    """Write `<split>/images/*.jpg`, `<split>/masks/*.png` and `<split>/metadata.jsonl`.

    `load_dataset("imagefolder", data_dir=…)` gives the columns image, mask (0 background,
    1 person, 255 ignored), scenes and provenance.
    """
    lines: dict[str, list[str]] = defaultdict(list)
    for sample in samples:
        row = sample.row
        image, mask = f"images/{row.stem}.jpg", f"masks/{row.stem}.png"
        write_file(folder / row.split / image, sample.jpeg)
        write_file(folder / row.split / mask, sample.png)
        metadata = {
            "file_name": image,
            # `datasets` loads every column whose name ends in `file_name` as a picture.
            "mask_file_name": mask,
            "scenes": list(row.scenes),
            "source_id": row.source_id,
            "licence": row.licence,
            "uploader": row.provenance.uploader,
            "channel": row.channel,
            "group": row.group,
            "time_s": row.time_s,
        }
        lines[row.split].append(json.dumps(metadata, ensure_ascii=False) + "\n")
    # One metadata file per split: `datasets` looks for it in the folder of the pictures' split.
    for split, rows in lines.items():
        write_file(folder / split / "metadata.jsonl", "".join(rows).encode())
