"""Writes media files as 360 cameras and their software do: tags, trailers, stereo pairs."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tasks.common.media.images import Rgb
from tests.sample.videos import regular, write_video

_V1_UUID = bytes.fromhex("ffcc8263f8554a938814587a02521fdd")
_SAMPLE_ENTRY = ("moov", "trak", "mdia", "minf", "stbl", "stsd", "avc1")
# What stands between the head of a box and its first child.
_SKIPPED = {"stsd": 8, "avc1": 78}
_MAGIC = b"8db42d694ccc418790edff439fe026bf"
_N_FRAMES = 8


def write_clip(path: Path, picture: Rgb, **options: Any) -> Path:
    """Write a short video in which the picture trembles a little, as grain does."""
    random = np.random.default_rng(3)
    noise = (random.integers(0, 3, picture.shape, np.uint8) for _ in range(_N_FRAMES))
    frames = (np.minimum(picture, 252) + grain for grain in noise)
    return write_video(path, zip(regular(_N_FRAMES), frames, strict=True), gop=2, **options)


def tag_v1(path: Path, stereo: str = "mono", software: str = "matteflow tests") -> Path:
    """Tag a video as spherical by version 1 of the spherical video RFC: XML in a `uuid` box.

    ffmpeg does not believe it without the name of a software.
    """
    named = f"<GSpherical:StitchingSoftware>{software}</GSpherical:StitchingSoftware>"
    xml = (
        '<?xml version="1.0"?><rdf:SphericalVideo '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
        'xmlns:GSpherical="http://ns.google.com/videos/1.0/spherical/">'
        "<GSpherical:Spherical>true</GSpherical:Spherical>"
        f"<GSpherical:Stitched>true</GSpherical:Stitched>{named if software else ''}"
        "<GSpherical:ProjectionType>equirectangular</GSpherical:ProjectionType>"
        f"<GSpherical:StereoMode>{stereo}</GSpherical:StereoMode></rdf:SphericalVideo>"
    )
    return _insert(path, ("moov", "trak"), box(b"uuid", _V1_UUID + xml.encode()))


def tag_v2(path: Path, kind: bytes = b"equi", stereo: int = 0, bounds: Any = (0, 0, 0, 0)) -> Path:
    """Tag a video as spherical by version 2 of the RFC; stereo: 1 top-bottom, 2 left-right."""
    parameters = {
        b"equi": struct.pack(">4I", *bounds),
        b"cbmp": struct.pack(">2I", 0, 0),
        b"mshp": struct.pack(">I", 0) + b"raw ",
    }[kind]
    pose = box(b"prhd", struct.pack(">I3i", 0, 0, 0, 0))
    header = box(b"svhd", struct.pack(">I", 0) + b"test\0")
    projection = box(b"proj", pose + box(kind, struct.pack(">I", 0) + parameters))
    st3d = box(b"st3d", struct.pack(">IB", 0, stereo))
    return _insert(path, _SAMPLE_ENTRY, st3d + box(b"sv3d", header + projection))


def box(name: bytes, data: bytes) -> bytes:
    """Return a box of an MP4."""
    return struct.pack(">I", 8 + len(data)) + name + data


def _insert(path: Path, inside: tuple[str, ...], data: bytes) -> Path:
    """Put boxes at the end of the box at a path of names. The index must follow the pictures."""
    content = bytearray(path.read_bytes())
    start, end, heads = 0, len(content), []
    for name in inside:
        at = start
        while content[at + 4 : at + 8] != name.encode():
            at += struct.unpack_from(">I", content, at)[0]
            assert at < end, name
        heads.append(at)
        start = at + 8 + _SKIPPED.get(name, 0)
        end = at + struct.unpack_from(">I", content, at)[0]
    assert content.index(b"mdat") < heads[0]
    for head in heads:
        (size,) = struct.unpack_from(">I", content, head)
        struct.pack_into(">I", content, head, size + len(data))
    content[end:end] = data
    path.write_bytes(content)
    return path


def write_photo(path: Path, picture: Rgb, xmp: str = "") -> Path:
    """Write a photo; `xmp` are attributes of its description."""
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
        f'xmlns:GPano="http://ns.google.com/photos/1.0/panorama/" {xmp}/></rdf:RDF></x:xmpmeta>'
    )
    extra: dict[str, Any] = {"xmp": packet.encode()} if xmp else {}
    Image.fromarray(picture).save(path, quality=92, **extra)
    return path


def gpano(**values: Any) -> str:
    """Return attributes of Google's Photo Sphere schema."""
    return " ".join(f'GPano:{name}="{value}"' for name, value in values.items())


def add_trailer(path: Path, camera: str = "Insta360 ONE R", *, is_indexed: bool = False) -> Path:
    """Append the trailer of an Insta360 camera, in the old layout or with gaps and an index."""
    info = b"".join(
        _field(number, text)
        for number, text in ((1, b"IXE0000XXXX"), (2, camera.encode()), (3, b"v1.2.3_build1"))
    )
    info += bytes([4 << 3]) + b"\x96\x01" + _field(5, b"2_1440_1440")
    thumbnail = b"\xff" * 50
    if is_indexed:
        records = info + _record(1, info)[len(info) :] + bytes(40) + _record(2, thumbnail)
        slots = bytes(10) + struct.pack("<BBII", 1, 1, len(info), 0)
        records += bytes(24) + _record(0, slots)
    else:
        records = _record(2, thumbnail) + _record(1, info) + _record(3, bytes(20))
    size = len(records) + 72
    footer = bytes(32) + struct.pack("<II", size, 3) + _MAGIC
    path.write_bytes(path.read_bytes() + records + footer)
    return path


def _record(number: int, data: bytes) -> bytes:
    return data + struct.pack("<BBI", 1, number, len(data))


def _field(number: int, data: bytes) -> bytes:
    return bytes([number << 3 | 2, len(data)]) + data
