"""How much of the person's box lies on the border of the frame, before there is a mask."""

from tasks.filter.rule import Rule
from tasks.filter.subject import Subject

_NEAR_PX = 2.0  # the box of a cut person may end a little inside the frame


def measure(subject: Subject) -> float:
    """Return the share of the box's perimeter within 2 px of the frame's border, 0..1.

    A box that fills the frame gives 1, one that stands free gives 0, one of width w and height h
    that is cut below gives w / (2 w + 2 h).
    """
    box, (width, height) = subject.crop.person_box_xyxy, subject.crop.frame_size_wh
    w, h = box.width, box.height
    # A box without an extent counts as cut altogether: nothing of the person is surely inside.
    if w + h <= 0:
        return 1.0
    cut = h * (box.x0 <= _NEAR_PX) + h * (box.x1 >= width - _NEAR_PX)
    cut += w * (box.y0 <= _NEAR_PX) + w * (box.y1 >= height - _NEAR_PX)
    return cut / (2 * (w + h))


RULE = Rule(
    name="frame_cut",
    serves=("S8",),
    needs_mask=False,
    measure=measure,
    say="{value:.0f} % of the person's box lies on the frame border; the bound is {bound:.0f} %.",
    scale=100,
)
