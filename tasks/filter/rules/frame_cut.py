"""How much of the person's box lies on the border of the frame, before there is a mask."""

from tasks.filter.rule import Rule
from tasks.filter.subject import Subject

_NEAR_PX = 2.0


def measure(subject: Subject) -> float:
    """Return the share of the box's perimeter within 2 px of the frame's border, 0..1.

    A box that fills the frame gives 1, one that stands free gives 0, one of width w and height h
    that is cut below gives w / (2 w + 2 h).
    """
    x0, y0, x1, y1 = subject.person_in_frame
    width, height = subject.frame_size_wh
    w, h = x1 - x0, y1 - y0
    if w + h <= 0:
        return 1.0
    cut = h * (x0 <= _NEAR_PX) + h * (x1 >= width - _NEAR_PX)
    cut += w * (y0 <= _NEAR_PX) + w * (y1 >= height - _NEAR_PX)
    return cut / (2 * (w + h))


RULE = Rule(
    name="frame_cut",
    serves=("S8",),
    needs_mask=False,
    measure=measure,
    say="{value:.0f} % of the person's box lies on the frame border; the bound is {bound:.0f} %.",
    scale=100,
)
