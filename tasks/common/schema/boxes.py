"""Boxes: axis-parallel rectangles in a picture."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, floor
from typing import Self


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle `x0 <= x < x1`, `y0 <= y < y1` in px of the picture that the field's name says.

    Boxes of people come from a detector and have fractions of a px; boxes of crops have whole px.
    """

    x0: float
    y0: float
    x1: float
    y1: float

    @classmethod
    def of(cls, corners: Iterable[float]) -> Self:
        """Return the box of four numbers, in the order x0, y0, x1, y1.

        Raises:
            ValueError: there are more or fewer than four.
        """
        x0, y0, x1, y1 = corners
        return cls(x0, y0, x1, y1)

    @property
    def xyxy(self) -> tuple[float, float, float, float]:
        """The four numbers in the order x0, y0, x1, y1."""
        return self.x0, self.y0, self.x1, self.y1

    @property
    def width(self) -> float:
        """The distance from the left edge to the right one, in px."""
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        """The distance from the upper edge to the lower one, in px."""
        return self.y1 - self.y0

    @property
    def area(self) -> float:
        """Width times height in px²; 0 for negative sides, as empty intersections have."""
        return max(0.0, self.width) * max(0.0, self.height)

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns of a box in whole px, to index an array (H, W, …) with."""
        return slice(int(self.y0), int(self.y1)), slice(int(self.x0), int(self.x1))

    def shift(self, dx: float, dy: float) -> "Box":
        """Move by a vector."""
        return Box(self.x0 + dx, self.y0 + dy, self.x1 + dx, self.y1 + dy)

    def within(self, outer: "Box") -> "Box":
        """Return the same box in px of the picture that `outer` cuts out."""
        return self.shift(-outer.x0, -outer.y0)

    def pad(self, margin: float) -> "Box":
        """Widen by a margin on all four sides."""
        return Box(self.x0 - margin, self.y0 - margin, self.x1 + margin, self.y1 + margin)

    def clip(self, size_wh: tuple[int, int]) -> "Box":
        """Return the part of the box that lies in a picture of this size, in whole px.

        Edges move outwards to whole px first. The result holds at least one px.
        """
        width, height = size_wh
        left, right = _clip_span(self.x0, self.x1, width)
        top, bottom = _clip_span(self.y0, self.y1, height)
        return Box(left, top, right, bottom)

    def intersection(self, other: "Box") -> "Box":
        """Return the rectangle that both boxes cover; its area is 0 if they do not touch."""
        return Box(
            max(self.x0, other.x0),
            max(self.y0, other.y0),
            min(self.x1, other.x1),
            min(self.y1, other.y1),
        )

    def overlaps(self, other: "Box") -> bool:
        """Say whether the boxes have an area in common."""
        return self.intersection(other).area > 0

    def iou(self, other: "Box") -> float:
        """Return intersection over union, 0..1; 0 where both are empty."""
        # Negative sides count as 0 in `area`, so boxes that do not touch give 0.
        common = self.intersection(other).area
        union = self.area + other.area - common
        return common / union if union > 0 else 0.0


def _clip_span(low: float, high: float, size: int) -> tuple[int, int]:
    """Round a span outwards and clip it to 0..size; it keeps one px even outside the picture.

    A padded box may lie beyond the frame, and an empty crop could not be encoded.
    """
    # Outwards: a hand on the edge of the box must not lose its last fraction of a px.
    start = min(max(floor(low), 0), size - 1)
    return start, min(max(ceil(high), start + 1), size)
