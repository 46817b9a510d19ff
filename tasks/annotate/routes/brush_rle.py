"""The run lengths of Label Studio's brush: a bit stream over RGBA bytes, four a pixel.

The stream begins with the number of words (32 bits), the bits of a word less one (5), and the bits
of each of four kinds of counts less one (4 each). Then come blocks: a bit that says whether one
word is repeated, two bits that choose the kind of count, the count less one, and the word or words.
The format is that of the library rle-pack, which the editor uses.

Own code: the package that decodes it faster states no licence.
"""

import numpy as np
from numpy.typing import NDArray

from tasks.common.media.images import Mask
from tasks.common.media.run_lengths import runs_of

_N_WORDS_BITS, _WORD_BITS, _SIZE_BITS, _N_SIZES = 32, 5, 4, 4
_CHOICE_BITS = 2
_CHANNELS = 4
_BYTE = 8
_SIZES = (3, 4, 8, 16)  # as the editor writes them
_OPAQUE = 255


class _Bits:
    """Reads numbers from a stream of bits, the highest bit first."""

    def __init__(self, data: bytes):
        self._data = data
        self._at = 0

    def take(self, n_bits: int) -> int:
        """Return the next number; ValueError at the end of the stream."""
        end = self._at + n_bits
        if end > _BYTE * len(self._data):
            raise ValueError("its run lengths end too early")
        first, last = self._at // _BYTE, -(-end // _BYTE)
        number = int.from_bytes(self._data[first:last], "big") >> (_BYTE * last - end)
        self._at = end
        return number & ((1 << n_bits) - 1)


def decode_brush(rle: list[int], size_wh: tuple[int, int]) -> NDArray[np.uint8]:
    """Decode a brush to its alpha, uint8 (H, W) of 0..255.

    Raises:
        ValueError: the stream is malformed or of a picture of another size.
    """
    width, height = size_wh
    bits = _Bits(bytes(rle))
    n_words, word = bits.take(_N_WORDS_BITS), bits.take(_WORD_BITS) + 1
    # Before anything is allocated: the number comes from a file.
    if (n_words, word) != (width * height * _CHANNELS, _BYTE):
        raise ValueError(f"its run lengths are of {n_words // _CHANNELS} px, not {width * height}")
    sizes = [bits.take(_SIZE_BITS) + 1 for _ in range(_N_SIZES)]
    words = np.empty(n_words, np.uint8)
    at = 0
    while at < n_words:
        is_run = bits.take(1)
        end = at + bits.take(sizes[bits.take(_CHOICE_BITS)]) + 1
        if end > n_words:
            raise ValueError("its run lengths are longer than the picture")
        if is_run:
            words[at:end] = bits.take(word)
        else:
            words[at:end] = [bits.take(word) for _ in range(end - at)]
        at = end
    alpha: NDArray[np.uint8] = words.reshape(height, width, _CHANNELS)[..., -1]
    return alpha


def encode_brush(mask: Mask) -> list[int]:
    """Encode a mask (H, W) of 0 and 1 as a brush: all four channels 0 or 255."""
    longest = 1 << _SIZES[-1]
    text = [f"{mask.size * _CHANNELS:0{_N_WORDS_BITS}b}", f"{_BYTE - 1:0{_WORD_BITS}b}"]
    text += [f"{size - 1:0{_SIZE_BITS}b}" for size in _SIZES]
    for number, run in enumerate(runs_of(mask)):
        value = _OPAQUE * (number % 2)
        left = run * _CHANNELS
        while left:
            count = min(left, longest)
            text.append(_block(count, value))
            left -= count
    joined = "".join(text)
    joined += "0" * (-len(joined) % _BYTE)
    return list(int(joined, 2).to_bytes(len(joined) // _BYTE, "big"))


def _block(count: int, value: int) -> str:
    choice = next(i for i, size in enumerate(_SIZES) if count <= 1 << size)
    size = _SIZES[choice]
    return f"1{choice:0{_CHOICE_BITS}b}{count - 1:0{size}b}{value:0{_BYTE}b}"
