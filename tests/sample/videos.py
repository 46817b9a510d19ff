"""Small synthetic videos whose every picture says, in black and white bars, which one it is."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from tasks.common.media.images import Rgb

SIZE_WH = (160, 120)
_N_BITS = 8
_BASE = Fraction(1, 90_000)
_X264 = {"preset": "ultrafast", "crf": "16", "sc_threshold": "0", "b-adapt": "0"}
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


def grey(code: int, size_wh: tuple[int, int] = SIZE_WH) -> Rgb:
    """Return an even grey picture."""
    return np.full((size_wh[1], size_wh[0], 3), code, np.uint8)


def regular(n_frames: int, rate: Fraction | int = 10, start_s: float = 0.0) -> list[float]:
    """Return the times of a constant frame rate."""
    return [start_s + float(number / Fraction(rate)) for number in range(n_frames)]


def write_numbered(path: Path, times_s: Sequence[float], **options: Any) -> Path:
    """Write a video that shows picture 0, 1, 2 … at these times."""
    return write_video(
        path, zip(times_s, map(numbered, range(len(times_s))), strict=True), **options
    )


def write_video(
    path: Path,
    pictures: Iterable[tuple[float, Rgb]],
    *,
    rate: Fraction | int = 10,
    codec: str = "libx264",
    gop: int = 250,
    n_between: int = 0,
    muxer: dict[str, str] | None = None,
    **colour_and_shape: Any,
) -> Path:
    """Encode pictures at their times; each lasts until the next, the last one 1 / `rate`.

    `gop` is the number of frames from a key frame to the next, `n_between` how many frames in a row
    are stored later than they are shown; the rest are attributes of PyAV's codec context.
    """
    with av.open(str(path), "w", options=muxer or {}) as container:
        stream = container.add_stream(codec, rate=Fraction(rate))
        assert isinstance(stream, av.VideoStream)
        context = stream.codec_context
        context.time_base, context.gop_size, context.max_b_frames = _BASE, gop, n_between
        context.options = dict(_X264) if codec == "libx264" else {}
        for number, (time_s, rgb) in enumerate(pictures):
            if number == 0:
                context.height, context.width = rgb.shape[:2]
                context.pix_fmt = "yuv420p"
                for name, value in colour_and_shape.items():
                    setattr(context, name, value)
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = round(time_s / _BASE), _BASE
            frame.duration = round(1 / Fraction(rate) / _BASE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_sound(path: Path) -> Path:
    """Write a file with half a second of silence and no picture."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        sound = av.AudioFrame.from_ndarray(
            np.zeros((1, 4000), np.float32), format="fltp", layout="mono"
        )
        sound.sample_rate, sound.pts, sound.time_base = 8000, 0, Fraction(1, 8000)
        container.mux(stream.encode(sound))
        container.mux(stream.encode(None))
    return path
