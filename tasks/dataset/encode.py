"""The pixels of a published sample, and the checks that keep a training from silent ruin."""

from io import BytesIO

import numpy as np
from PIL import Image

from tasks.common.errors import ArtifactError
from tasks.common.media.images import Mask, Rgb, encode_jpeg, encode_png, read_grey, read_rgb
from tasks.common.schema.rows import RunCrop
from tasks.common.workspace.artifacts import Workspace

_EXIF_ORIENTATION = 0x0112


def read_sample(crop: RunCrop, workspace: Workspace) -> tuple[Rgb, Mask]:
    """Return what is published of a crop: image uint8 (H, W, 3) and mask uint8 (H, W), 0 and 1.

    Raises:
        ArtifactError: crop or mask are not the bytes that were judged.
    """
    matte, box = crop.matte, crop.published_box
    if matte is None or box is None:
        raise ArtifactError(f"{crop.stem} was kept but has no mask; run the ingest again.")
    # Measures and verdict were made from these very bytes. Crops lie in a shared workspace, where a
    # tool or a damaged disk may have changed them since.
    files = (crop.crop.path, crop.crop.digest), (matte.mask_path, matte.mask_digest)
    for path, digest in files:
        if not workspace.is_whole(path, digest):
            raise ArtifactError(f"{path} changed since it was judged; run the ingest again.")
    rgb = read_rgb(workspace.path(crop.crop.path))
    mask = read_grey(workspace.path(matte.mask_path))
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
        ValueError: the annotation is not 8-bit single-channel, holds other values than 0 and 1 or
            no person, differs in size from the image, or the image carries a rotation or is cut
            short.
    """
    with Image.open(BytesIO(png)) as annotation, Image.open(BytesIO(jpeg)) as image:
        if annotation.mode != "L":
            raise ValueError(f"the annotation has mode {annotation.mode}, expected L (8 bit)")
        if annotation.size != image.size:
            raise ValueError(f"annotation {annotation.size} and image {image.size} differ in size")
        # 255 (ignore) is legal in mmsegmentation, but this program never writes it: here it is a
        # fault. A mask of zeros alone would teach the network that the person is background.
        values = sorted(set(np.unique(np.asarray(annotation)).tolist()))
        if values not in ([0, 1], [1]):
            raise ValueError(f"the annotation holds {values[:5]}, expected 0 and 1 (person)")
        # mmcv rotates an image by its EXIF orientation and leaves the annotation as it is.
        if image.getexif().get(_EXIF_ORIENTATION, 1) != 1:
            raise ValueError("the image carries an EXIF orientation that the annotation lacks")
        # Pillow reads the header when it opens a file; only `load` decodes all of it.
        try:
            image.load()
        except OSError as error:
            raise ValueError(f"the image cannot be read whole: {error}") from error
