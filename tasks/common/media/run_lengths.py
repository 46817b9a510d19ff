"""COCO run lengths: masks as the lengths of runs, column by column.

Own code rather than pycocotools, which reads malformed run lengths as memory (docs/decisions/0017).
"""

from typing import Any

import numpy as np

from tasks.common.media.images import Mask

# Compressed run lengths (maskApi.c of COCO): bits a character, two flags, the character of 0, and
# how many first runs are not differences.
_LONGEST = 13  # characters of a run: 65 bits
_COUNT_BITS, _COUNT_MORE, _COUNT_SIGN, _COUNT_ZERO, _PLAIN_RUNS = 5, 0x20, 0x10, 48, 2


def runs_of(mask: Mask) -> list[int]:
    """Return the lengths of the runs of a mask of 0 and 1 read row by row, background first."""
    flat = np.concatenate([[0], mask.ravel(), [0 if mask.ravel()[-1:].any() else 1]])
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    return [int(run) for run in np.diff(np.concatenate([[0], edges]))]


def mask_of_runs(runs: list[int], size_wh: tuple[int, int]) -> Mask:
    """Return the mask of runs that were read row by row, background first.

    Raises:
        ValueError: the runs do not add up to the pixels of the mask.
    """
    width, height = size_wh
    if sum(runs) != height * width or min(runs, default=0) < 0:
        raise ValueError(f"its runs make {sum(runs)} of {height * width} pixels")
    # Runs alternate, starting with background, which may have length 0.
    values = (np.arange(len(runs)) % 2).astype(np.uint8)
    mask: Mask = np.repeat(values, runs).reshape(height, width)
    return mask


def encode_run_lengths(mask: Mask) -> dict[str, Any]:
    """Encode a mask (H, W) of 0 and 1 as compressed COCO run lengths."""
    height, width = mask.shape
    return {"size": [height, width], "counts": _compress(runs_of(mask.T))}


def decode_run_lengths(rle: dict[str, Any], size_wh: tuple[int, int]) -> Mask:
    """Decode COCO run lengths of a picture: column by column, background first.

    Raises:
        ValueError: the runs do not add up to the pixels of the mask, or it is of another size.
    """
    height, width = (int(side) for side in rle["size"])
    # Before anything is allocated: the size comes from a file.
    if (width, height) != size_wh:
        raise ValueError(
            f"its run lengths are of {width} x {height} px, not {size_wh[0]} x {size_wh[1]}"
        )
    counts = rle["counts"]
    most = 2 * width * height + 1  # each pixel another colour, with an empty run between
    if len(counts) > most * _LONGEST:
        raise ValueError("it has more runs than the picture has pixels")
    runs = _decompress(counts) if isinstance(counts, str) else [int(count) for count in counts]
    return mask_of_runs(runs, (height, width)).T


def _compress(runs: list[int]) -> str:
    """Return compressed run lengths; see `_decompress`."""
    text = []
    for number, run in enumerate(runs):
        value = run - runs[number - 2] if number > _PLAIN_RUNS else run
        while True:
            code = value & (_COUNT_MORE - 1)
            value >>= _COUNT_BITS
            # The last character repeats the sign in its highest bit.
            is_last = value == (-1 if code & _COUNT_SIGN else 0)
            text.append(chr(_COUNT_ZERO + (code if is_last else code | _COUNT_MORE)))
            if is_last:
                break
    return "".join(text)


def _decompress(text: str) -> list[int]:
    """Decode compressed run lengths, a variable-length code like LEB128 (`maskApi.c` of COCO).

    Each character holds 5 bits, lowest first, and a bit that says whether more follow; the highest
    bit of the last one is the sign. From the third on, a run is the difference to the one before
    the last, the nearest of the same colour.

    Raises:
        ValueError: a run does not end within 13 characters.
    """
    runs: list[int] = []
    value = shift = 0
    for character in text:
        code = ord(character) - _COUNT_ZERO
        value |= (code & (_COUNT_MORE - 1)) << shift
        shift += _COUNT_BITS
        if code & _COUNT_MORE:
            # Else a text of a megabyte is one number of five million bits, made bit by bit.
            if shift >= _COUNT_BITS * _LONGEST:
                raise ValueError("a run is longer than any picture")
            continue
        if code & _COUNT_SIGN:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > _PLAIN_RUNS else 0))
        value = shift = 0
    return runs
