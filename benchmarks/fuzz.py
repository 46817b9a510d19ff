"""Damaged media through download and sampling: what becomes of each, and what it costs.

`python -m benchmarks.fuzz 1000` prints a table. Every file must end in frames, drops or a sentence;
a decoder that crashes, hangs or wants too much memory is stopped and told as such.
"""

import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from tasks.common.errors import SourceError
from tasks.common.recipe.models import DownloadRecipe, SampleRecipe
from tasks.common.records import MediaTable, Source
from tasks.common.settings import Settings, settings
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace
from tasks.download.fetch import fetch
from tasks.sample.stage import write_frames
from tests.sample.videos import regular, write_numbered

Damage = Callable[[bytearray, random.Random], None]
_ABSURD = (0, 1, 7, 0x7FFFFFFF, 0xFFFFFFFF, 0x80000000, 0x00FFFFFF)
# Names of boxes and chunks whose neighbours are sizes and counts.
_MARKS = (b"moov", b"trak", b"stts", b"stsz", b"stsc", b"stco", b"ctts", b"stsd", b"avcC", b"tkhd",
          b"mdat", b"avih", b"strf", b"idx1", b"IHDR", b"IDAT", b"VP8 ", b"\xff\xc0", b"\xff\xda",
          b"\x1a\x45\xdf\xa3", b"\x16\x54\xae\x6b", b"II*\x00")  # fmt: skip


class Fuzzed(NamedTuple):
    """What became of a number of files: counts by container, damage and outcome; the dearest."""

    outcomes: Counter[tuple[str, str, str]]
    slowest_s: float


def flip(data: bytearray, chance: random.Random) -> None:
    """Change single bits anywhere."""
    for _ in range(chance.choice((1, 5, 50))):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def head(data: bytearray, chance: random.Random) -> None:
    """Write noise into the first kilobyte, where the structure is."""
    at = chance.randrange(min(1000, len(data) - 8))
    data[at : at + 8] = chance.randbytes(8)


def cut(data: bytearray, chance: random.Random) -> None:
    """Keep only the beginning."""
    del data[chance.randrange(1, len(data)) :]


def absurd(data: bytearray, chance: random.Random) -> None:
    """Write impossible sizes and counts around a box's or chunk's name."""
    places = [at for mark in _MARKS if (at := data.find(mark)) >= 0]
    at = chance.choice(places or [0])
    for _ in range(chance.choice((1, 3))):
        start = max(0, at + chance.choice((-4, 4, 8, 12, 16, 20, 24, 28, 32)))
        value = chance.choice(_ABSURD)
        data[start : start + 4] = value.to_bytes(4, chance.choice(("big", "little")))


def splice(data: bytearray, chance: random.Random) -> None:
    """Repeat a piece in another place."""
    at, length = chance.randrange(len(data)), chance.randrange(1, 400)
    piece = data[at : at + length]
    to = chance.randrange(len(data))
    data[to:to] = piece * chance.choice((1, 1, 20))


DAMAGES: tuple[Damage, ...] = (flip, head, cut, absurd, splice)


def specimens(folder: Path) -> dict[str, bytes]:
    """Return a small whole file of each kind."""
    videos = {
        name: write_numbered(folder / f"whole.{name}", regular(12), gop=4, **options).read_bytes()
        for name, options in (
            ("mp4", {"muxer": {"movflags": "faststart"}}),
            ("mkv", {}),
            ("ts", {}),
            ("avi", {}),
        )
    }
    pixels = np.random.default_rng(0).integers(0, 255, (90, 120, 3)).astype(np.uint8)
    photos = {}
    for name in ("JPEG", "PNG", "WEBP", "TIFF"):
        stream = BytesIO()
        Image.fromarray(pixels).save(stream, name)
        photos[name.lower()] = stream.getvalue()
    return videos | photos


def damaged(n_files: int, folder: Path, seed: int = 0) -> Iterator[tuple[str, str, bytes]]:
    """Yield container, damage and bytes of so many damaged files; the same ones each time."""
    chance, whole = random.Random(seed), specimens(folder)
    for number in range(n_files):
        name = sorted(whole)[number % len(whole)]
        damage = DAMAGES[number // len(whole) % len(DAMAGES)]
        data = bytearray(whole[name])
        damage(data, chance)
        yield name, damage.__name__, bytes(data)


def fuzz(n_files: int, folder: Path, here: Settings, seed: int = 0) -> Fuzzed:
    """Take damaged files through download and sampling; anything but a verdict is an error."""
    outcomes: Counter[tuple[str, str, str]] = Counter()
    slowest_s = 0.0
    for number, (name, damage, data) in enumerate(damaged(n_files, folder, seed)):
        path = folder / f"damaged.{name}"
        path.write_bytes(data)
        began = time.monotonic()
        outcomes[name, damage, _outcome(path, number, here)] += 1
        slowest_s = max(slowest_s, time.monotonic() - began)
    return Fuzzed(outcomes, slowest_s)


def _outcome(path: Path, number: int, here: Settings) -> str:
    workspace = Workspace(here.workspace)
    source = Source(source_id="fuzzed", uri=str(path))
    try:
        out = ArtifactWriter(workspace, "download", f"{number:040d}")
        media = fetch(source, DownloadRecipe(max_duration_s=600), here, out)
        out = ArtifactWriter(workspace, "sample", f"{number:040d}")
        recipe = SampleRecipe(every_s=0.3, max_frames=50)
        frames = write_frames(out, MediaTable(media), recipe, here)
    except SourceError as error:
        return "stopped" if str(error).startswith("Decoding was stopped") else "refused"
    return "whole" if frames.n_dropped == 0 else "frames and drops"


def main() -> None:
    """Print what becomes of damaged files."""
    n_files = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        here = settings().model_copy(
            update={"workspace": folder / "w", "scratch": folder / "s", "decode_memory_mb": 512}
        )
        found = fuzz(n_files, folder, here)
    columns = ("whole", "frames and drops", "refused", "stopped")
    print(f"{n_files} damaged files; the slowest took {found.slowest_s:.1f} s")
    print(f"{'':16}" + "".join(f"{column:>18}" for column in columns))
    for damage in DAMAGES:
        counts = [
            sum(n for (_, how, what), n in found.outcomes.items()
                if (how, what) == (damage.__name__, column))
            for column in columns
        ]  # fmt: skip
        print(f"{damage.__name__:16}" + "".join(f"{count:18d}" for count in counts))


if __name__ == "__main__":
    main()
