"""Photos as a viewer shows them: colours of their ICC profile as sRGB, transparency on white."""

from io import BytesIO

import numpy as np
from PIL import Image, ImageCms, TiffImagePlugin

_WHITE = 255
_OPAQUE = 255
# A cube of colours with this step, by which profiles are compared.
_CUBE_STEP = 36
_SAME_CODES = 2  # of 255: what rounding between two descriptions of sRGB gives
_SUBFILE_TYPE, _DNG_VERSION = 0x00FE, 0xC612  # TIFF 6.0, and Adobe's DNG specification
_REDUCED = 1
_ANIMATED = ("GIF", "WEBP", "PNG", "AVIF")


def photo_problem(image: Image.Image) -> str | None:
    """Say why the first picture of a file is not the photo; None if it is."""
    n_pictures = getattr(image, "n_frames", 1)
    if image.format in _ANIMATED and n_pictures > 1:
        return (
            f"The picture is an animation of {n_pictures} pictures ({image.format}). Convert it to "
            "a video first, such as with ffmpeg -i FILE FILE.mp4."
        )
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        is_reduced = image.tag_v2.get(_SUBFILE_TYPE) == _REDUCED
        if is_reduced or _DNG_VERSION in image.tag_v2:
            return (
                "The file is a camera's raw format (such as DNG), of which only a preview could be "
                "read. Develop it to JPEG first."
            )
    return None


def differs_from_srgb(image: Image.Image) -> bool:
    """Say whether the ICC profile of a picture gives other colours than its codes read as sRGB."""
    transform = _to_srgb(image)
    if transform is None:
        return False
    if image.mode == "CMYK":
        return True
    ramp = np.arange(0, 256, _CUBE_STEP, dtype=np.uint8)
    if image.mode in ("L", "LA"):
        codes = np.repeat(ramp[None], 2, axis=0)
        shown = np.asarray(transform.apply(Image.fromarray(codes)))
        return bool(np.abs(shown.astype(int) - codes[..., None]).max() > _SAME_CODES)
    cube = np.stack(np.meshgrid(ramp, ramp, ramp), axis=-1).reshape(1, -1, 3)
    shown = np.asarray(transform.apply(Image.fromarray(cube)))
    return bool(np.abs(shown.astype(int) - cube).max() > _SAME_CODES)


def as_srgb(image: Image.Image) -> Image.Image:
    """Return a picture with the colours of its ICC profile as sRGB, and its transparency."""
    transform = _to_srgb(image)
    if transform is None:
        return image
    alpha = image.convert("RGBA").getchannel("A") if image.has_transparency_data else None
    shown = transform.apply(image.convert(_base_mode(image)))
    if alpha is not None:
        shown.putalpha(alpha)
    return shown


def has_alpha(image: Image.Image) -> bool:
    """Say whether any pixel of a picture is not opaque."""
    if not image.has_transparency_data:
        return False
    lowest, _ = image.convert("RGBA").getchannel("A").getextrema()
    return float(str(lowest)) < _OPAQUE


def on_white(image: Image.Image) -> Image.Image:
    """Return a picture on white: what a transparent pixel hides is shown by no viewer."""
    layer = image.convert("RGBA")
    ground = Image.new("RGBA", layer.size, (_WHITE, _WHITE, _WHITE, _OPAQUE))
    return Image.alpha_composite(ground, layer).convert("RGB")


def _base_mode(image: Image.Image) -> str:
    if image.mode in ("L", "LA"):
        return "L"
    return "CMYK" if image.mode == "CMYK" else "RGB"


def _to_srgb(image: Image.Image) -> ImageCms.ImageCmsTransform | None:
    """Return the transform to sRGB; None without a profile, or with one that does not fit."""
    data = image.info.get("icc_profile")
    if not data or image.mode.startswith(("I", "F")):
        return None
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(data))
        return ImageCms.ImageCmsTransform(
            profile,
            ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")),
            _base_mode(image),
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    # A damaged profile, or one of another colour space: viewers ignore it too.
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
