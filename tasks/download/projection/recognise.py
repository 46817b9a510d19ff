"""Decide the projection of a source: its list, then the file's own words, checked by its pixels."""

from collections.abc import Sequence
from typing import NamedTuple, get_args

from tasks.common.errors import SourceError
from tasks.common.records import DeclaredProjection, Projection
from tasks.download.projection.claims import Claim
from tasks.download.projection.content import Evidence

_ALL = ", ".join(get_args(DeclaredProjection))
_SPHERE, _SQUEEZED = 2.0, 0.2  # width over height, and how far off a squeezed one may be
_MOST_PICTURES = 0.75  # of a video: the bottom of a small one may be uneven now and then
_DECLARE = "write the right one into the column `projection` of the source list"
EXPORT_FIRST = (
    "This is a camera's own file with one round picture per lens; export it as a flat or 360 "
    "(equirectangular) video or photo with the camera's software first, such as Insta360 Studio."
)
_REFUSED = {
    "fisheye-pair": "The picture is a pair of fisheye discs, which only the camera's software "
    "stitches well. Export it as a 360 (equirectangular) video or photo first, such as with "
    "Insta360 Studio.",
    "cubemap": "The picture is a cube map. Export it as a 360 (equirectangular) video or photo "
    "first; ffmpeg's filter `v360=c3x2:e` does so for three faces by two.",
    "half": "The picture is half a sphere (VR180), which is not supported. Export it reframed as a "
    f"flat video or photo first. If it is something else, {_DECLARE}.",
    "part": "The picture is a part of a sphere (a swept panorama). Crop people out of it, or "
    f"{_DECLARE}: `flat`, if people in it look undistorted.",
    "other": "The picture is a sphere in a projection that is not supported (a mesh or the like). "
    f"Export it as a 360 (equirectangular) video or photo first. If it is something else, "
    f"{_DECLARE}.",
}


class Findings(NamedTuple):
    """What is known of a file: its claim, what its pictures say, whether it has a trailer."""

    claim: Claim | None
    pictures: Sequence[Evidence]
    has_trailer: bool


def require_readable(projection: Projection | str) -> None:
    """Refuse a projection that has to be converted first.

    Raises:
        SourceError: the message says how.
    """
    if projection in _REFUSED:
        raise SourceError(_REFUSED[projection])


def recognise(findings: Findings, width_to_height: float) -> Projection:
    """Return the projection of a file about which its source list says nothing.

    Raises:
        SourceError: it has to be converted first, or it is not clear; the message says what to do.
    """
    # A video may begin with black.
    pictures = [picture for picture in findings.pictures if not picture.is_blank]
    pictures = pictures or list(findings.pictures)
    n_discs = min((picture.n_discs for picture in pictures), default=0)
    if n_discs and findings.has_trailer:
        raise SourceError(EXPORT_FIRST)
    if findings.claim is not None:
        return _checked(findings.claim, pictures, width_to_height)
    if n_discs > 1:
        require_readable("fisheye-pair")
    if n_discs:
        raise _unclear("shows one bright disc on black, as a fisheye lens does", "fisheye", "flat")
    if all(picture.is_cubemap for picture in pictures):
        raise _unclear("seems to be a cube map", "cubemap", "flat")
    return _by_pixels(pictures)


def _by_pixels(pictures: Sequence[Evidence]) -> Projection:
    if all(picture.is_stereo_top_bottom for picture in pictures):
        return "stereo-top-bottom"
    if all(picture.is_stereo_left_right for picture in pictures):
        return "stereo-left-right"
    signs = [picture.sphere for picture in pictures]
    n_spheres, is_flat = signs.count("sphere"), "flat" in signs
    if n_spheres >= _MOST_PICTURES * len(signs):
        return "equirectangular"
    if is_flat and not n_spheres:
        return "flat"
    raise _unclear(
        "is twice as wide as high and may be a 360 sphere, but nothing in the file says so and the "
        "pixels do not decide it",
        "equirectangular",
        "flat",
    )


def _checked(claim: Claim, pictures: Sequence[Evidence], width_to_height: float) -> Projection:
    """Return the projection that a file claims, unless its pixels say otherwise.

    Raises:
        SourceError: they do, or the projection has to be converted first.
    """
    require_readable(claim.projection)
    (projection,) = (name for name in get_args(DeclaredProjection) if name == claim.projection)
    is_mono = projection == "equirectangular"
    if is_mono and all(picture.is_stereo_top_bottom for picture in pictures):
        return "stereo-top-bottom"
    # A sphere may be stored a little squeezed, as 16 : 9.
    if is_mono and (all(picture.parts for picture in pictures) or _is_odd(width_to_height)):
        raise _unclear(
            f"is a 360 sphere by its metadata ({claim.origin}), but its pixels do not say so: its "
            f"left and right border do not meet, or its shape ({width_to_height:.2f} : 1) is not "
            "2 : 1",
            "equirectangular",
            "flat",
        )
    result: Projection = projection
    return result


def _is_odd(width_to_height: float) -> bool:
    return abs(width_to_height / _SPHERE - 1) > _SQUEEZED


def _unclear(what: str, *likely: str) -> SourceError:
    names = " or ".join(f"`{name}`" for name in likely)
    return SourceError(
        f"The picture {what}. To say what it is, {_DECLARE}: probably {names} (one of {_ALL})."
    )
