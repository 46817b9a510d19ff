"""Peak memory of a whole source, from download to verdicts, for a short and a long video.

    python -m benchmarks.memory --minutes 1 60

Each length runs in a process of its own. The video is 1080p H.264 with a key frame every second:
one encoded minute of a photo of people that pans, repeated without encoding it again. The long one
is sampled as often as the short one up to `--frames`, so both work in full batches.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import yaml

from tasks.common.media.images import Rgb, read_rgb
from tasks.download.fetchers.local import local_path

_FPS = 25
_SIZE_WH = (1920, 1080)


def encode_minute(path: Path) -> None:
    """Encode one minute of panning over the demo's street photo."""
    photo = read_rgb(local_path("package:ultralytics/ultralytics/assets/bus.jpg"))
    wide = cv2.resize(photo, (2200, 2933), interpolation=cv2.INTER_CUBIC)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=_FPS, options={"preset": "ultrafast"})
        stream.width, stream.height = _SIZE_WH
        stream.pix_fmt, stream.gop_size = "yuv420p", _FPS
        for number in range(60 * _FPS):
            x, y = number % 280, 900 + number % 400
            cut: Rgb = np.ascontiguousarray(wide[y : y + _SIZE_WH[1], x : x + _SIZE_WH[0]])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(cut, format="rgb24")))
        container.mux(stream.encode())


def repeat(minute: Path, path: Path, n_minutes: int) -> None:
    """Write the same packets again and again with later timestamps."""
    with av.open(str(path), "w") as target:
        stream = None
        for number in range(n_minutes):
            with av.open(str(minute)) as source:
                if stream is None:
                    stream = target.add_stream_from_template(source.streams.video[0])
                tick_s = source.streams.video[0].time_base or Fraction(1)
                shift = round(number * 60 / tick_s)
                for packet in source.demux(video=0):
                    if packet.dts is not None and packet.pts is not None:
                        packet.dts += shift
                        packet.pts += shift
                        packet.stream = stream
                        target.mux(packet)


def measure(video: Path, recipe: Path) -> dict[str, object]:
    """Run the stages in a fresh process; return what it printed."""
    command = [sys.executable, "-m", "benchmarks.stages", str(video), "--recipe", str(recipe)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def main() -> None:
    """Print one JSON line per length."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--minutes", type=int, nargs="+", default=[1, 60])
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--recipe", default="deployments/recipes/demo.yaml")
    asked = parser.parse_args()
    values = yaml.safe_load(Path(asked.recipe).read_text())
    values["sample"] = {"every_s": 1.0, "max_frames": asked.frames}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "recipe.yaml").write_text(yaml.safe_dump(values))
        encode_minute(folder / "minute.mp4")
        for n_minutes in asked.minutes:
            video = folder / f"{n_minutes}.mp4"
            repeat(folder / "minute.mp4", video, n_minutes)
            told = measure(video, folder / "recipe.yaml")
            print(json.dumps({"minutes": n_minutes, "mb": video.stat().st_size // 2**20} | told))


if __name__ == "__main__":
    main()
