"""What a file says of its projection: side data of a video, XMP of a photo, boxes of an MP4."""

import re
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from tasks.common.records import Projection

# ffmpeg's AVSphericalMapping: projection, yaw, pitch, roll, then how much the picture leaves out on
# each side, and AVStereo3D: how two eyes share the picture (libavutil/spherical.h, stereo3d.h).
_MAPPING = struct.Struct("=i3i4I")
_STEREO = struct.Struct("=i")
_EQUIRECTANGULAR, _CUBEMAP, _TILE, _HALF, _RECTILINEAR, _FISHEYE = range(6)
_ONE_EYE, _LEFT_RIGHT, _TOP_BOTTOM = range(3)
_GPANO = re.compile(
    rb"GPano:(ProjectionType|CroppedAreaImageWidthPixels|FullPanoWidthPixels|"
    rb"CroppedAreaImageHeightPixels|FullPanoHeightPixels)\s*(?:=\s*[\"']|>)\s*([\w.+-]+)"
)
_V1_PROJECTION = re.compile(rb"<GSpherical:ProjectionType>\s*([\w-]+)")
_V1_STEREO = re.compile(rb"<GSpherical:StereoMode>\s*([\w-]+)")
_V1_EYES = {b"mono": _ONE_EYE, b"left-right": _LEFT_RIGHT, b"top-bottom": _TOP_BOTTOM}
_BOX = struct.Struct(">I4s")
_LONG_BOX = struct.Struct(">Q")
_HALF_LEFT_OUT = 2**31 - 2**24  # shares of the whole are fractions of 2**32; half, or nearly
_VIDEO = "spherical video metadata"
_MAX_BOXES = 1000
_MAX_INDEX_BYTES = 64 << 20


class Claim(NamedTuple):
    """What the file says: a projection, or why none that can be read; `origin` is where it stands.

    `half`, `part` and `other` stand for half a sphere, a part of one, and mappings of other kinds.
    """

    projection: Projection | str
    origin: str


def claim_of_side_data(side_data: Iterable[Any]) -> Claim | None:
    """Return what the side data of a video's frame say (spherical video v1 and v2)."""
    data = {str(getattr(entry.type, "name", entry.type)): bytes(entry) for entry in side_data}
    mapping, stereo = data.get("SPHERICAL"), data.get("STEREO3D")
    eyes = _STEREO.unpack_from(stereo)[0] if stereo and len(stereo) >= _STEREO.size else _ONE_EYE
    if mapping is None or len(mapping) < _MAPPING.size:
        return None
    kind, _, _, _, left, top, right, bottom = _MAPPING.unpack_from(mapping)
    if kind == _TILE and (left or top or right or bottom):
        is_half = left + right >= _HALF_LEFT_OUT and not top + bottom
        return Claim("half" if is_half else "part", _VIDEO)
    return Claim(_projection(kind, eyes), _VIDEO)


def _projection(kind: int, eyes: int) -> Projection | str:
    if kind in (_EQUIRECTANGULAR, _TILE):
        by_eyes: dict[int, Projection] = {
            _ONE_EYE: "equirectangular",
            _LEFT_RIGHT: "stereo-left-right",
            _TOP_BOTTOM: "stereo-top-bottom",
        }
        return by_eyes.get(eyes, "other")
    others: dict[int, Projection | str] = {
        _CUBEMAP: "cubemap",
        _HALF: "half",
        _RECTILINEAR: "flat",
        _FISHEYE: "fisheye",
    }
    return others.get(kind, "other")


def claim_of_xmp(xmp: bytes) -> Claim | None:
    """Return what the XMP of a photo says (Google's Photo Sphere schema, `GPano`)."""
    # By pattern: attributes and elements are both usual, and an XML parser would expand entities.
    values = dict(_GPANO.findall(xmp))
    kind = values.get(b"ProjectionType")
    if kind is None:
        return None
    for side in (b"Width", b"Height"):
        cropped = _number(values.get(b"CroppedAreaImage" + side + b"Pixels"))
        full = _number(values.get(b"FullPano" + side + b"Pixels"))
        if cropped is not None and full is not None and cropped < full:
            return Claim("part", "GPano")
    is_sphere = kind.lower() == b"equirectangular"
    return Claim("equirectangular" if is_sphere else "other", "GPano")


def _number(text: bytes | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def claim_of_boxes(path: Path) -> Claim | None:
    """Return what the index of an MP4 says where ffmpeg has no word for it.

    These are meshes, and XML of version 1 that does not name the stitching software.
    """
    index = _index_box(path)
    xml = _V1_PROJECTION.search(index)
    if xml:
        stereo = _V1_STEREO.search(index)
        eyes = _V1_EYES.get(stereo[1] if stereo else b"mono", -1)
        is_sphere = xml[1] == b"equirectangular"
        return Claim(_projection(_EQUIRECTANGULAR, eyes) if is_sphere else "other", _VIDEO)
    return Claim("other", _VIDEO) if b"sv3d" in index else None


def _index_box(path: Path) -> bytes:
    """Return the box `moov` of an MP4; nothing for any other file."""
    with path.open("rb") as stream:
        for number in range(_MAX_BOXES):
            header = stream.read(_BOX.size)
            if len(header) < _BOX.size:
                break
            size, name = _BOX.unpack(header)
            read = _BOX.size
            if number == 0 and not name.isalnum():
                break
            if size == 1:  # a box above 4 GB has its size behind its name
                longer = stream.read(_LONG_BOX.size)
                if len(longer) < _LONG_BOX.size:
                    break
                (size,), read = _LONG_BOX.unpack(longer), read + _LONG_BOX.size
            if size < read:
                break
            if name == b"moov":
                return stream.read(min(size - read, _MAX_INDEX_BYTES))
            stream.seek(size - read, 1)
    return b""
