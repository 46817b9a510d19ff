"""FiftyOne: its ImageSegmentationDirectory, and the masks of its own dataset export."""

import base64
import json
import math
import zlib
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from tasks.annotate.routes.mask_picture import NotAMaskError, mask_of_codes, read_mask_picture
from tasks.annotate.routes.returned import Outgoing, Returned, refused
from tasks.common.files import digest_bytes
from tasks.common.media.images import Mask, encode_png

DATA, LABELS, SAMPLES = "data", "labels", "samples.json"
_MAX_BYTES = 100_000_000  # of one mask, decompressed


def write(items: Iterable[Outgoing], folder: Path) -> None:
    """Write `data/<sample>.png` and `labels/<sample>.png` (0 and 255)."""
    for item in items:
        for name, data in ((DATA, item.png), (LABELS, encode_png(item.mask * 255))):
            (folder / name).mkdir(exist_ok=True)
            (folder / name / f"{item.sample}.png").write_bytes(data)


def read_directory(folder: Path, file: str) -> Iterator[Returned]:
    """Read an ImageSegmentationDirectory."""
    for path in sorted((folder / LABELS).glob("*.png")):
        yield _read_file(path, path.stem, folder / DATA / path.name, f"{file}/{LABELS}/{path.name}")


def _read_file(path: Path, sample: str, picture: Path, file: str) -> Returned:
    try:
        mask = read_mask_picture(path).mask
    except NotAMaskError as error:
        return refused(file, sample, str(error))
    # An export copies the picture's bytes; a missing one is no fault.
    digest = digest_bytes(picture.read_bytes()) if picture.is_file() else None
    size_wh = mask.shape[1], mask.shape[0]
    return Returned(file, sample, mask, size_wh=size_wh, picture_digest=digest)


def read_samples(content: dict[str, Any], folder: Path, file: str) -> Iterator[Returned]:
    """Read `samples.json` of a FiftyOneDataset: the one field of each sample that is a mask."""
    for entry in content["samples"]:
        sample = Path(str(entry.get("filepath", "?"))).stem
        masks = [
            value
            for value in entry.values()
            if isinstance(value, dict) and value.get("_cls") == "Segmentation"
        ]
        if len(masks) != 1:
            problem = f"has {len(masks)} fields with a segmentation; export exactly one field."
            yield refused(file, sample, problem)
            continue
        try:
            yield _read_field(masks[0], folder, Path(str(entry["filepath"])), sample, file)
        except (ValueError, KeyError, TypeError, OSError, zlib.error, NotAMaskError) as error:
            yield refused(file, sample, f"has a mask that cannot be read ({error}).")


def _read_field(
    value: dict[str, Any], folder: Path, filepath: Path, sample: str, file: str
) -> Returned:
    picture = folder / DATA / filepath.name
    if value.get("mask_path"):
        # By name: what a file says of folders is not followed out of the delivery.
        found = sorted(folder.glob(f"fields/*/{Path(str(value['mask_path'])).name}"))
        if not found:
            raise ValueError(f"{value['mask_path']} is not in the delivery")
        return _read_file(found[0], sample, picture, file)
    mask = mask_of_codes(_inline(value["mask"]))
    digest = digest_bytes(picture.read_bytes()) if picture.is_file() else None
    size_wh = mask.shape[1], mask.shape[0]
    return Returned(file, sample, mask, size_wh=size_wh, picture_digest=digest)


def _inline(mask: Any) -> Mask:
    """Decode a mask inside the JSON: base64 of a compressed array file of numpy."""
    text = mask["$binary"] if isinstance(mask, dict) else mask
    text = text["base64"] if isinstance(text, dict) else text
    unpacker = zlib.decompressobj()
    data = unpacker.decompress(base64.b64decode(text), _MAX_BYTES)
    stream = BytesIO(data)
    version = np.lib.format.read_magic(stream)
    read_header = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    shape, _, kind = read_header(stream)
    # Before numpy allocates what the header says.
    if kind.hasobject or math.prod(shape) * kind.itemsize > len(data):
        raise ValueError(f"its array is said to have the shape {shape}")
    array = np.load(BytesIO(data), allow_pickle=False)
    return np.asarray(array, np.uint8)


def load_json(path: Path) -> Any:
    """Return the content of a JSON file; None where it is none."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
