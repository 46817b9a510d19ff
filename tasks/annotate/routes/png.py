"""Folders of PNGs: for Photoshop and GIMP, and cut-outs of removebg and 凡科快图."""

import re
import zipfile
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from tasks.annotate.routes.mask_picture import NotAMaskError, mask_of_codes, read_mask_picture
from tasks.annotate.routes.returned import Outgoing, Returned, refused, require_pixels
from tasks.common.files import digest_bytes
from tasks.common.media.images import encode_png

PICTURES, MASKS = "pictures", "masks"
# What removebg and browsers add to a name; the sample's id stays before it.
_ADDED = re.compile(r"(-removebg-preview|-removebg|_mask| ?\(\d+\))$")


def write(items: Iterable[Outgoing], folder: Path) -> None:
    """Write `pictures/<sample>.png` and `masks/<sample>.png` in black and white."""
    for item in items:
        for name, data in ((PICTURES, item.png), (MASKS, encode_png(item.mask * 255))):
            (folder / name).mkdir(exist_ok=True)
            (folder / name / f"{item.sample}.png").write_bytes(data)


def read_picture(path: Path, file: str) -> Returned:
    """Read a mask or a cut-out; its name is the sample's id."""
    sample = _ADDED.sub("", path.stem)
    try:
        mask, picture = read_mask_picture(path)
    except NotAMaskError as error:
        return refused(file, sample, str(error))
    size_wh = mask.shape[1], mask.shape[0]
    return Returned(file, sample, mask, size_wh=size_wh, picture=picture)


def is_sent_picture(path: Path, digests: frozenset[str]) -> bool:
    """Say whether a file is one of the pictures that went out, under whatever name."""
    return digest_bytes(path.read_bytes()) in digests


def read_removebg_zip(archive: zipfile.ZipFile, path: Path, file: str) -> Iterator[Returned]:
    """Read a ZIP of removebg: `color.jpg` and `alpha.png`; the ZIP's name is the sample's id."""
    sample = _ADDED.sub("", path.stem)
    try:
        with Image.open(BytesIO(archive.read("alpha.png")), formats=["PNG"]) as image:
            require_pixels(image.size)
            mask = mask_of_codes(np.asarray(image.convert("L")))
        with Image.open(BytesIO(archive.read("color.jpg")), formats=["JPEG", "PNG"]) as image:
            require_pixels(image.size)
            picture = np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, KeyError, ValueError) as error:
        yield refused(file, sample, f"has no usable color.jpg and alpha.png ({error}).")
        return
    yield Returned(file, sample, mask, size_wh=(mask.shape[1], mask.shape[0]), picture=picture)
