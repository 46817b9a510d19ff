"""Small synthetic videos whose every picture says, in black and white bars, which one it is."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from tasks.common.images import Rgb

SIZE_WH = (160, 120)
_N_BITS = 8
_BASE = Fraction(1, 90_000)
_MPEG4_BASE = Fraction(1, 1000)
_TEXTURE_SEED = 7


def numbered(number: int, size_wh: tuple[int, int] = SIZE_WH) -> Rgb:
    """Draw `number` as eight bars, lowest bit left, above a texture that wanders with it."""
    width, height = size_wh
    bars = np.array([255 * (number >> bit & 1) for bit in range(_N_BITS)], np.uint8)
    row = np.repeat(bars, width // _N_BITS)
    coarse = np.random.default_rng(_TEXTURE_SEED).integers(40, 216, (height // 8 + 1, width // 4))
    texture = np.kron(np.roll(coarse, number, axis=1), np.ones((4, 4))).astype(np.uint8)
    grey = np.vstack([np.tile(row, (height // 2, 1)), texture[: height - height // 2]])
    return np.repeat(grey[:, :, None], 3, axis=2)


def number_of(rgb: Rgb) -> int:
    """Read the number that `numbered` drew."""
    row = rgb[rgb.shape[0] // 4].mean(axis=1)
    width = len(row) // _N_BITS
    return sum(int(row[bit * width + width // 2] > 127) << bit for bit in range(_N_BITS))


def regular(n_frames: int, rate: Fraction | int = 10, start_s: float = 0.0) -> list[float]:
    """Return the times of a constant frame rate."""
    return [start_s + float(number / Fraction(rate)) for number in range(n_frames)]


def write_numbered(path: Path, times_s: Sequence[float], **options: object) -> Path:
    """Write a video that shows picture 0, 1, 2 … at these times."""
    return write_video(path, zip(times_s, map(numbered, range(len(times_s))), strict=True), **options)


def write_video(
    path: Path,
    pictures: Iterable[tuple[float, Rgb]],
    *,
    rate: Fraction | int = 10,
    codec: str = "libx264",
    gop: int = 250,
    n_between: int = 0,
    aspect: Fraction | None = None,
    turn_deg: int = 0,
    colour_trc: int | None = None,
    muxer: dict[str, str] | None = None,
) -> Path:
    """Encode pictures at their times; each lasts until the next, the last one 1 / `rate`.

    `turn_deg` is what a player turns the stored picture by, counter-clockwise; `gop` the number of
    frames from a key frame to the next; `n_between` how many may be stored out of order.
    """
    with av.open(str(path), "w", options=muxer or {}) as container:
        stream = container.add_stream(codec, rate=Fraction(rate))
        context = stream.codec_context
        context.time_base, context.gop_size, context.max_b_frames = _BASE, gop, n_between
        context.thread_count = 1
        if codec == "libx264":
            context.options = {"preset": "ultrafast", "crf": "16", "sc_threshold": "0"}
            if n_between:
                context.options = {**context.options, "bf": str(n_between), "b-adapt":"0"}
        if turn_deg:
            stream.set_display_rotation(turn_deg)
        for time_s, rgb in pictures:
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="yuv420p")
            if context.width != frame.width:
                context.width, context.height, context.pix_fmt = frame.width, frame.height, "yuv420p"
                if aspect is not None:
                    context.sample_aspect_ratio = aspect
                if colour_trc is not None:
                    context.color_trc = colour_trc
            frame.pts, frame.time_base = round(time_s / _BASE), _BASE
            frame.duration = round(1 / Fraction(rate) / _BASE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
