"""Hugging Face `imagefolder`: pictures and masks by side, with `metadata.jsonl`."""

import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from tasks.common.files import write_file
from tasks.export.samples import Item

_TOLD = ("source_id", "licence", "uploader", "channel", "group", "time_s")


def write_image_folder(items: Iterable[Item], folder: Path) -> None:
    """Write `<side>/images/*.jpg`, `<side>/masks/*.png` and `<side>/metadata.jsonl`.

    `load_dataset("imagefolder", data_dir=…)` gives the columns image, mask (0 background,
    1 person), scenes and where it comes from.
    """
    lines: dict[str, list[str]] = defaultdict(list)
    for item in items:
        image, mask = f"images/{item.stem}.jpg", f"masks/{item.stem}.png"
        write_file(folder / item.split / image, item.jpeg)
        write_file(folder / item.split / mask, item.png)
        facts = {"file_name": image, "mask_file_name": mask, "scenes": item.scenes}
        facts |= {name: item.row[name] for name in _TOLD}
        lines[item.split].append(json.dumps(facts, ensure_ascii=False) + "\n")
    for split, own in lines.items():
        write_file(folder / split / "metadata.jsonl", "".join(own).encode())
