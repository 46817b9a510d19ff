"""A colour profile made here: ICC v2 with a matrix and a gamma (ICC.1:2001-04)."""

import struct

_D50 = (0.9642, 1.0, 0.8249)


def _xyz(values: tuple[float, ...]) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(v * 65536)) for v in values)


def matrix_profile(columns: tuple[tuple[float, ...], ...], gamma: float) -> bytes:
    """Return a profile; `columns` are XYZ (D50) of red, green and blue."""
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))
    tags = {b"wtpt": _xyz(_D50), b"cprt": b"text\0\0\0\0none\0"}
    tags[b"desc"] = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + bytes(78)
    for letter, column in zip("rgb", columns, strict=True):
        tags |= {f"{letter}XYZ".encode(): _xyz(column), f"{letter}TRC".encode(): curve}
    at, table, body = 132 + 12 * len(tags), b"", b""
    for name, data in tags.items():
        padded = data + bytes(-len(data) % 4)
        table += name + struct.pack(">II", at + len(body), len(padded))
        body += padded
    head = struct.pack(">I4sI", at + len(body), b"none", 0x02400000)
    head += b"mntrRGB XYZ " + bytes(12) + b"acsp"
    head = head.ljust(68, b"\0") + _xyz(_D50)[8:]
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


PROPHOTO = matrix_profile(
    ((0.79767, 0.28804, 0.0), (0.13519, 0.71188, 0.0), (0.03134, 0.00009, 0.82491)), 1.8
)
