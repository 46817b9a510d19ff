"""Photoshop files: the picture below, the person above it, cut out by a layer mask."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tasks.annotate.routes.mask_picture import NotAMaskError, mask_of_codes
from tasks.annotate.routes.returned import Outgoing, Returned, refused, require_pixels
from tasks.common.media.images import Mask, Rgb

PERSON, PICTURE = "person", "picture"
_OPAQUE = 255


def write(items: Iterable[Outgoing], folder: Path) -> None:
    """Write `<sample>.psd`: a layer `picture`, and a layer `person` with the mask as layer mask."""
    from psd_tools import PSDImage  # late: only this route needs it

    for item in items:
        picture = Image.fromarray(item.rgb)
        document = PSDImage.new("RGB", picture.size)
        document.create_pixel_layer(picture, name=PICTURE)
        person = document.create_pixel_layer(picture, name=PERSON)
        person.create_mask(Image.fromarray(item.mask * _OPAQUE))
        document.save(folder / f"{item.sample}.psd")


def read(path: Path, file: str) -> Returned:
    """Read the layer `person`: its transparency times its layer mask."""
    from psd_tools import PSDImage

    sample = path.stem
    try:
        document = PSDImage.open(path)
        mask, picture = _read(document)
    except NotAMaskError as error:
        return refused(file, sample, str(error))
    # The parser raises whatever the damaged bytes lead to.
    except Exception as error:
        return refused(file, sample, f"cannot be read as PSD ({error}); save it again.")
    return Returned(file, sample, mask, size_wh=document.size, picture=picture)


def _read(document: Any) -> tuple[Mask, Rgb | None]:
    require_pixels(document.size)
    layers = list(document)
    people = [layer for layer in layers if layer.name.strip().lower() == PERSON]
    names = ", ".join(layer.name for layer in layers) or "none"
    if len(people) != 1:
        raise NotAMaskError(
            f"has {len(people)} layers named '{PERSON}' (its layers: {names}); keep exactly one."
        )
    (person,) = people
    _require_plain(person)
    require_pixels(person.size)  # layers may be larger than the document
    alpha = _canvas(document, person, np.asarray(person.topil().convert("RGBA"))[..., 3], 0)
    mask = person.mask
    if mask is not None:
        if mask.disabled:
            raise NotAMaskError(
                "has a disabled layer mask on 'person'; switch it on (Shift-click it) and save."
            )
        require_pixels(mask.size)
        grey = np.asarray(mask.topil().convert("L"))
        shown = _canvas(document, mask, grey, mask.background_color)
        alpha = (alpha.astype(np.uint16) * shown // _OPAQUE).astype(np.uint8)
    pictures = [layer for layer in layers if layer.name.strip().lower() == PICTURE]
    if not pictures or pictures[0].size != document.size:
        return mask_of_codes(alpha), None
    return mask_of_codes(alpha), np.asarray(pictures[0].topil().convert("RGB"))


def _require_plain(layer: Any) -> None:
    """Refuse what changes the visible shape of a layer beside its pixels and its layer mask."""
    facts = {
        "is a group": layer.is_group(),
        "has no pixels": not layer.is_group() and not layer.has_pixels(),
        "has a vector mask": layer.has_vector_mask(),
        "is clipped to another layer, or has layers clipped to it": layer.clipping
        or layer.has_clip_layers(),
        "is not fully opaque": layer.opacity != _OPAQUE,
        "is hidden": not layer.is_visible(),
    }
    wrong = [fact for fact, is_true in facts.items() if is_true]
    if wrong:
        raise NotAMaskError(
            f"has a layer '{PERSON}' that {' and '.join(wrong)}; merge it to one plain layer with "
            "a layer mask."
        )


def _canvas(document: Any, placed: Any, grey: Mask, outside: int) -> Mask:
    """Return the greys of a layer or mask on the canvas, which may be smaller or larger."""
    width, height = document.size
    canvas = np.full((height, width), outside, np.uint8)
    x0, y0 = max(placed.left, 0), max(placed.top, 0)
    x1, y1 = min(placed.right, width), min(placed.bottom, height)
    if x0 < x1 and y0 < y1:
        rows = slice(y0 - placed.top, y1 - placed.top)
        canvas[y0:y1, x0:x1] = grey[rows, x0 - placed.left : x1 - placed.left]
    return canvas
