"""Interlaced video: two moments in one frame, line by line, which shows as combs where it moves."""

from collections.abc import Sequence

import av
import numpy as np
from av.filter import Graph
from av.video.frame import VideoFrame

# In codes of 255: noise and fine texture stay below, a moving edge of any contrast is above.
_LEVEL = 12.0
# Share of pixels that are combs, in the frame that has most. Progressive video has next to none:
# fine horizontal stripes have no period of exactly two lines.
_SHARE = 0.004


def is_combed(frames: Sequence[VideoFrame]) -> bool:
    """Say whether frames show combs, whatever the container says of fields."""
    return any(_comb_share(frame) > _SHARE for frame in frames)


def _comb_share(frame: VideoFrame) -> float:
    """Return the share of pixels that differ from both neighbouring lines, which are alike.

    A comb is several lines high: such a pixel counts only where the next line says the opposite.
    """
    grey = frame.to_ndarray(format="gray").astype(np.float32)
    up, down = grey[1:-1] - grey[:-2], grey[1:-1] - grey[2:]
    stands_out = np.where(up * down > 0, np.sign(up) * np.minimum(abs(up), abs(down)), 0.0)
    is_alike = abs(grey[:-2] - grey[2:]) < abs(stands_out) / 2
    comb = np.where(is_alike & (abs(stands_out) > _LEVEL), np.sign(stands_out), 0.0)
    alternates = (comb[:-2] * comb[1:-1] < 0) & (comb[1:-1] * comb[2:] < 0)
    return float(alternates.mean()) if alternates.size else 0.0


class OneField:
    """Takes one field of each frame: half of its lines, all of one moment.

    Before colours are converted: chroma lines are of alternate fields, too.
    """

    def __init__(self) -> None:
        self._graph: Graph | None = None
        self._shape: tuple[int, int, str] | None = None

    def of(self, frame: VideoFrame) -> VideoFrame:
        """Return the upper field, half as high as the frame."""
        shape = (frame.width, frame.height, frame.format.name)
        if self._graph is None or self._shape != shape:
            self._graph, self._shape = _build(frame), shape
        self._graph.push(frame)
        field = self._graph.pull()
        assert isinstance(field, av.VideoFrame)
        return field


def _build(frame: VideoFrame) -> Graph:
    graph = Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
    )
    field, sink = graph.add("field", "type=top"), graph.add("buffersink")
    source.link_to(field)
    field.link_to(sink)
    graph.configure()
    return graph
