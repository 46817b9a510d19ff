"""The pixels of a published sample, and the checks that keep a training from silent ruin."""

from collections.abc import Iterable
from io import BytesIO

import numpy as np
from PIL import Image

from tasks.common.errors import ArtifactError
from tasks.common.media.images import Mask, Rgb, encode_jpeg, encode_png, read_grey, read_rgb
from tasks.common.schema.layout import BACKGROUND, IGNORE, PERSON
from tasks.common.schema.rows import RunCrop
from tasks.common.workspace.artifacts import Workspace
from tasks.dataset.judged_files import judged_file
from tasks.dataset.other_people import other_people

_EXIF_ORIENTATION = 0x0112


def read_sample(
    crop: RunCrop, workspace: Workspace, in_frame: Iterable[RunCrop] | None = None
) -> tuple[Rgb, Mask]:
    """Return what is published of a crop: image uint8 (H, W, 3) and annotation uint8 (H, W).

    The annotation is 1 on the person and 0 on the background. With `in_frame`, the crops of the
    frame, it is 255 where another person may be.

    Raises:
        ArtifactError: a file is not the one that was judged.
    """
    matte, box = crop.matte, crop.published_box
    if matte is None or box is None:
        raise ArtifactError(f"{crop.stem} was kept but has no mask; run the ingest again.")
    rgb = read_rgb(judged_file(workspace, crop.crop.path, crop.crop.digest))
    mask = read_grey(judged_file(workspace, matte.mask_path, matte.mask_digest))
    if in_frame is not None:
        others = other_people(crop, in_frame, workspace)
        # What the mask claims stays: it is a person in either case.
        mask = np.where((others == 1) & (mask == 0), IGNORE, mask).astype(np.uint8)
    # The box removes the context around the person that detection kept for the matting model.
    return rgb[box.slices], mask[box.slices]


def encode_sample(rgb: Rgb, mask: Mask, jpeg_quality: int) -> tuple[bytes, bytes]:
    """Encode image and annotation, and read both back as a trainer will.

    Raises:
        ValueError: the pair would ruin a training; see `require_trainable`.
    """
    jpeg, png = encode_jpeg(np.ascontiguousarray(rgb), jpeg_quality), encode_png(mask)
    require_trainable(jpeg, png)
    return jpeg, png


def require_trainable(jpeg: bytes, png: bytes) -> None:
    """Refuse what mmsegmentation loads without complaint but learns nothing from.

    Raises:
        ValueError: the annotation is not 8-bit single-channel, holds other values than 0, 1 and
            255 or no person, differs in size from the image, or the image carries a rotation or
            is cut short.
    """
    with Image.open(BytesIO(png)) as annotation, Image.open(BytesIO(jpeg)) as image:
        if annotation.mode != "L":
            raise ValueError(f"the annotation has mode {annotation.mode}, expected L (8 bit)")
        if annotation.size != image.size:
            raise ValueError(f"annotation {annotation.size} and image {image.size} differ in size")
        # A mask of zeros alone would teach the network that the person is background.
        values = set(np.unique(np.asarray(annotation)).tolist())
        if PERSON not in values or not values <= {BACKGROUND, PERSON, IGNORE}:
            raise ValueError(
                f"the annotation holds {sorted(values)[:5]}, expected 0, 1 (person) and {IGNORE} "
                "(ignored)"
            )
        # mmcv rotates an image by its EXIF orientation and leaves the annotation as it is.
        if image.getexif().get(_EXIF_ORIENTATION, 1) != 1:
            raise ValueError("the image carries an EXIF orientation that the annotation lacks")
        # Pillow reads the header when it opens a file; only `load` decodes all of it.
        try:
            image.load()
        except OSError as error:
            raise ValueError(f"the image cannot be read whole: {error}") from error
