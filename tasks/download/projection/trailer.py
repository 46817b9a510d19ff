"""The trailer that Insta360 cameras write behind a video or photo: which camera it was."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

# Layout as exiftool reads it (QuickTimeStream.pl, ProcessInsta360), from the end of the file: the
# magic in ASCII (32 bytes), version (4), size of the trailer (4), zeros (32). Before them stand
# records, each followed by its header: format, id, size of its data.
_MAGIC = b"8db42d694ccc418790edff439fe026bf"
_FOOTER_BYTES = 72
_SIZE_AT = 32
_HEADER = struct.Struct("<BBI")
_INDEX, _INFO = 0, 1  # ids of records
_SLOT = struct.Struct("<BBII")  # of the index: id, format, size, offset from the trailer's start
_CAMERA = 2  # field of the info record, a protobuf message
_MAX_RECORDS = 100
_MAX_INFO_BYTES = 1 << 20
_MAX_NAME = 80
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types of protobuf
_FIXED_BYTES = {_FIXED64: 8, _FIXED32: 4}


class Trailer(NamedTuple):
    """A camera's trailer; `camera` is its name, such as Insta360 ONE R, if it says one."""

    camera: str | None


def read_trailer(path: Path) -> Trailer | None:
    """Return the trailer of a file, or None if it has none. A damaged one names no camera."""
    with path.open("rb") as stream:
        end = stream.seek(0, 2)
        if end < _FOOTER_BYTES + _HEADER.size:
            return None
        stream.seek(end - _FOOTER_BYTES)
        footer = stream.read(_FOOTER_BYTES)
        if not footer.endswith(_MAGIC):
            return None
        (size,) = struct.unpack_from("<I", footer, _SIZE_AT)
        info = _info_record(stream, end - size, end - _FOOTER_BYTES) if size <= end else b""
    return Trailer(_camera(info))


def _info_record(stream: BinaryIO, start: int, end: int) -> bytes:
    """Return the data of the info record between two positions; nothing if there is none."""
    for _ in range(_MAX_RECORDS):
        if end - _HEADER.size < start:
            break
        stream.seek(end - _HEADER.size)
        _, record, size = _HEADER.unpack(stream.read(_HEADER.size))
        end -= _HEADER.size + size
        if end < start or (size > _MAX_INFO_BYTES and record in (_INDEX, _INFO)):
            break
        if record in (_INDEX, _INFO):
            stream.seek(end)
            data = stream.read(size)
            # Newer cameras leave gaps between records, and an index as the last of them.
            return data if record == _INFO else _indexed(stream, data, start)
    return b""


def _indexed(stream: BinaryIO, index: bytes, start: int) -> bytes:
    whole = len(index) - len(index) % _SLOT.size
    for record, _, size, offset in _SLOT.iter_unpack(index[:whole]):
        if record == _INFO and size <= _MAX_INFO_BYTES:
            stream.seek(start + offset)
            return stream.read(size)
    return b""


def _camera(info: bytes) -> str | None:
    for field, value in _text_fields(info):
        if field == _CAMERA:
            name = value.decode("utf-8", "replace").strip()
            return name if name.isprintable() and 0 < len(name) <= _MAX_NAME else None
    return None


def _text_fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the fields of bytes in a protobuf message, up to its end or the first damage."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == _VARINT:
            _, at = _varint(message, at)
        elif kind in _FIXED_BYTES:
            at += _FIXED_BYTES[kind]
        elif kind == _BYTES:
            size, at = _varint(message, at)
            yield key >> 3, message[at : at + size]
            at += size
        else:
            return


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """Return the number at a position, seven bits a byte, and the position after it."""
    value, shift = 0, 0
    while at < len(message):
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:  # noqa: PLR2004  # the high bit says that another byte follows
            break
    return value, at
