"""A picture file as a mask: PNGs of Photoshop and GIMP, cut-outs of removebg and 凡科快图."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tasks.annotate.routes.returned import MAX_PIXELS
from tasks.common.media.images import Mask, Rgb

# Half of 255: an edge pixel counts as person if more than half of it is (the team's convention).
THRESHOLD = 128
_EXIF_ORIENTATION = 0x0112
# Grey between these is neither background nor person.
_DARK, _LIGHT = 16, 239
# A second label paints an area in one grey; a soft edge has many greys, each on few pixels.
_LABEL_PIXELS, _LABEL_SHARE, _LABEL_OF_GREYS = 16, 0.001, 0.5
_BLACK_AND_WHITE = (0, 255)

Codes = NDArray[np.uint8]


class NotAMaskError(ValueError):
    """The picture cannot be read as a mask; the text is a sentence with the remedy."""


class MaskPicture(NamedTuple):
    """The mask of a picture file, uint8 (H, W) of 0 and 1, and the colours of a cut-out."""

    mask: Mask
    picture: Rgb | None


def read_mask_picture(path: Path) -> MaskPicture:
    """Read a PNG as a mask: its alpha where it has one, else black and white, else two colours.

    Raises:
        NotAMaskError: the file is no mask that can be read exactly.
    """
    try:
        with Image.open(path, formats=["PNG", "JPEG"]) as image:
            return _read(image)
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise NotAMaskError(f"cannot be read ({error}); save it again as an 8-bit PNG.") from error


def _read(image: Image.Image) -> MaskPicture:
    if image.format == "JPEG":
        raise NotAMaskError("is a JPEG, which blurs outlines; save it as PNG.")
    if image.width * image.height > MAX_PIXELS:
        raise NotAMaskError(f"has {image.width} x {image.height} px, which no sample has.")
    if image.getexif().get(_EXIF_ORIENTATION, 1) != 1:
        raise NotAMaskError("carries a rotation; rotate the pixels back and save it again.")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        rgba = np.asarray(image.convert("RGBA"))
        if rgba[..., 3].min() < np.iinfo(np.uint8).max:
            return _cut_out(rgba)
        return MaskPicture(_coloured(rgba[..., :3]), None)
    if image.mode in ("1", "L"):
        return MaskPicture(mask_of_codes(np.asarray(image.convert("L"))), None)
    if image.mode in ("RGB", "P"):
        return MaskPicture(_coloured(np.asarray(image.convert("RGB"))), None)
    raise NotAMaskError(f"has the mode {image.mode}; save it with 8 bits a channel.")


def _cut_out(rgba: Codes) -> MaskPicture:
    alpha, rgb = rgba[..., 3], rgba[..., :3]
    mask = mask_of_codes(alpha)
    shown = rgb[alpha >= THRESHOLD]
    is_painted = len(shown) > 0 and bool(np.isin(shown, _BLACK_AND_WHITE).all())
    if not is_painted:
        return MaskPicture(mask, np.ascontiguousarray(rgb))
    # Black and white paint on transparency says two things; they have to be the same thing.
    painted = (rgb[..., 0] >= THRESHOLD) & (alpha >= THRESHOLD)
    if not np.array_equal(painted, mask == 1):
        raise NotAMaskError(
            "marks one person by its transparency and another by black and white; flatten it to "
            "black and white."
        )
    return MaskPicture(mask, None)


def _coloured(rgb: Codes) -> Mask:
    if np.array_equal(rgb[..., 0], rgb[..., 1]) and np.array_equal(rgb[..., 1], rgb[..., 2]):
        return mask_of_codes(rgb[..., 0])
    packed = rgb.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    colours = np.unique(packed)
    if len(colours) == len(_BLACK_AND_WHITE) and colours[0] == 0:
        return np.asarray(packed != 0, np.uint8)
    if 0 in colours and len(colours) <= _LABEL_PIXELS:
        raise NotAMaskError(
            f"has {len(colours) - 1} labels beside black; leave the person's alone, in white."
        )
    raise NotAMaskError(
        "is a colour picture without transparency; save the mask in black and white, or the "
        "cut-out with its transparency."
    )


def mask_of_codes(codes: Codes) -> Mask:
    """Return the mask of 8-bit greys: 0 and 1 as codes, else person from 128 on.

    Raises:
        NotAMaskError: a grey area stands for a second label.
    """
    if codes.max(initial=0) <= 1:
        return np.array(codes, np.uint8)
    counts = np.bincount(codes.ravel(), minlength=256)
    if counts[1:_DARK].sum() + counts[_DARK : _LIGHT + 1].sum() == counts[1]:
        # 0, 1 and 255 are the codes of published masks, 0 and 255 a mask for the eye.
        if counts[1]:
            raise NotAMaskError(
                "mixes the codes 1 and 255; save the person in white (255) on black."
            )
        return np.asarray(codes >= THRESHOLD, np.uint8)
    greys = counts[_DARK : _LIGHT + 1]
    most = int(greys.max(initial=0))
    if most >= max(_LABEL_PIXELS, _LABEL_SHARE * codes.size) and (
        most > _LABEL_OF_GREYS * greys.sum()
    ):
        raise NotAMaskError(
            f"has an area of {most} px in grey {int(greys.argmax()) + _DARK}, a second label "
            "beside black and white; leave the person's alone, in white."
        )
    return np.asarray(codes >= THRESHOLD, np.uint8)
