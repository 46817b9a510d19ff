"""Pictures on disk: RGB uint8 (H, W, 3), alpha float32 (H, W) in 0..1, masks uint8 0 and 1."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pi_heif import register_heif_opener
from PIL import Image, PngImagePlugin

Rgb = NDArray[np.uint8]
Alpha = NDArray[np.float32]
Mask = NDArray[np.uint8]

register_heif_opener()  # with Pillow

# The recipe's own limit (download.max_pixels) replaces Pillow's: its message names the setting.
Image.MAX_IMAGE_PIXELS = None

UNOUTLINED = 255
"""In a label map: people are here who have no outline of their own, such as a crowd."""

# What cameras and phones write, as Pillow names it; several pictures in one (MPO) count as JPEG.
# Left out: formats that run programs (EPS) or that no test covers.
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF", "HEIF")
_OWN_FORMATS = ("JPEG", "PNG")
# Brands of HEIF (ISO/IEC 23008-12) and AVIF in the first box of a file.
_HEIF_BRANDS = frozenset(
    (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif", b"avis")
)
_FTYP = slice(4, 8)
_BRAND_BYTES = 4
_HEAD_BYTES = 64  # holds a dozen compatible brands
_MOVIES = (b"isom", b"mp42", b"mp41", b"avc1", b"qt  ")
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


def is_heif(path: Path) -> bool:
    """Say whether a file is a HEIC or AVIF photo, by its brand; ffmpeg takes it for a video."""
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    size = int.from_bytes(head[: _FTYP.start], "big")
    # The major brand, a version, and compatible brands, up to the box's end.
    brands = {head[at : at + _BRAND_BYTES] for at in (8, *range(16, min(size, len(head)), 4))}
    is_movie = head[8:12] in _MOVIES
    return head[_FTYP] == b"ftyp" and not is_movie and not _HEIF_BRANDS.isdisjoint(brands)


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
    """Read a JPEG or PNG, a file or its bytes, as RGB uint8 (H, W, 3).

    The pictures of a workspace and of a version are one of these. Each other parser of Pillow would
    be one more that strangers' bytes reach outside the jail.
    """
    with Image.open(path, formats=_OWN_FORMATS) as image:
        # No colour management: pictures of the workspace are sRGB already, see
        # `tasks/sample/color.py`.
        return np.asarray(image.convert("RGB"))


def read_grey(path: Path | BytesIO) -> NDArray[np.uint8]:
    """Read a single-channel PNG, a file or its bytes, as uint8 (H, W) with unchanged codes.

    Raises:
        ValueError: the picture is not 8-bit greyscale. Converting it would change the codes.
    """
    with Image.open(path, formats=("PNG",)) as image:
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
