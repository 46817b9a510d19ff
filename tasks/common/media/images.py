"""Pictures on disk: RGB uint8 (H, W, 3), alpha float32 (H, W) in 0..1, masks uint8 0 and 1."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

Rgb = NDArray[np.uint8]
Alpha = NDArray[np.float32]
Mask = NDArray[np.uint8]

# The recipe's own limit (download.max_pixels) replaces Pillow's: its message names the setting.
Image.MAX_IMAGE_PIXELS = None

# What cameras and phones write, as Pillow names it; several pictures in one (MPO) count as JPEG.
# Left out: formats that run programs (EPS) or that no test covers.
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF")
_FULL = 255.0
_PNG_LEVEL = 6  # explicit, because the bytes are digested: a new default would change digests


def encode_jpeg(rgb: Rgb, quality: int) -> bytes:
    """Encode without chroma subsampling: thin limbs against bright walls keep their colour."""
    stream = BytesIO()
    Image.fromarray(rgb).save(stream, "JPEG", quality=quality, subsampling=0, optimize=True)
    return stream.getvalue()


def encode_png(pixels: NDArray[np.uint8], text: dict[str, str] | None = None) -> bytes:
    """Encode losslessly; `text` travels inside the file, protected by PNG's own checksums."""
    info = PngImagePlugin.PngInfo()
    for name, value in (text or {}).items():
        info.add_text(name, value)
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", compress_level=_PNG_LEVEL, pnginfo=info)
    return stream.getvalue()


def open_picture(path: Path) -> Image.Image:
    """Open a picture without decoding it; the caller compares its size with the recipe's limit."""
    return Image.open(path, formats=_FORMATS)


@contextmanager
def keeping_pillow_open() -> Iterator[None]:
    """Restore `PIL.Image.open` after the block.

    Importing ultralytics replaces it for the whole process, by a version that installs packages.
    """
    original = Image.open
    try:
        yield
    finally:
        Image.open = original


def read_rgb(path: Path | BytesIO) -> Rgb:
    """Read a picture, a file or its bytes, as RGB uint8 (H, W, 3)."""
    with Image.open(path) as image:
        # No colour management: pictures of the workspace are sRGB already, see
        # `tasks/sample/color.py`.
        return np.asarray(image.convert("RGB"))


def read_grey(path: Path | BytesIO) -> NDArray[np.uint8]:
    """Read a single-channel picture, a file or its bytes, as uint8 (H, W) with unchanged codes.

    Raises:
        ValueError: the picture is not 8-bit greyscale. Converting it would change the codes.
    """
    with Image.open(path) as image:
        image.load()
        if image.mode != "L":
            name = path.name if isinstance(path, Path) else "the picture"
            raise ValueError(f"{name} has mode {image.mode}, expected L (8-bit, one channel)")
        return np.asarray(image)


def to_codes(alpha: Alpha) -> NDArray[np.uint8]:
    """Quantise alpha 0..1 to 8-bit codes 0..255, rounding to the nearest."""
    codes: NDArray[np.uint8] = np.rint(np.clip(alpha, 0.0, 1.0) * _FULL).astype(np.uint8)
    return codes


def to_alpha(codes: NDArray[np.uint8]) -> Alpha:
    """Turn 8-bit codes back into alpha 0..1."""
    return codes.astype(np.float32) / np.float32(_FULL)
