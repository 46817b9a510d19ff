"""Whether something in the picture hides a part of the body."""

from tasks.filter.rule import Rule
from tasks.filter.rules.body_visible import least_seen
from tasks.filter.subject import Subject

# COCO's keypoints: nose, eyes and ears; shoulders; then hips, knees, ankles.
_UPPER, _LOWER = (slice(0, 5), slice(5, 7)), (slice(11, 13), slice(13, 15), slice(15, 17))
# Room between box and frame, in heights of the person. A head that the frame cuts touches it; of
# one who sits before the camera the box ends where clothes turn dark.
_ABOVE, _BELOW = 0.02, 0.15


def measure(subject: Subject) -> float | None:
    """Return how surely a part of the body is hidden although the frame has room for it, 0..1.

    1 less how surely the least visible of head, shoulders, hips, knees and ankles is seen. Head and
    shoulders do not count where the frame begins at the person's box, nor hips and legs where it
    ends within 15 % of the person's height below: then the frame cuts the body, which `frame_cut`
    and `body_visible` judge. None without a pose model, or where nothing counts.
    """
    if subject.seen is None:
        return None
    person, frame_height = subject.crop.person_box_xyxy, subject.crop.frame_size_wh[1]
    parts: tuple[slice, ...] = _UPPER if person.y0 > _ABOVE * person.height else ()
    if frame_height - person.y1 > _BELOW * person.height:
        parts += _LOWER
    return 1.0 - least_seen(subject.seen, parts) if parts else None


RULE = Rule(
    name="occlusion",
    serves=("S7", "S8"),
    needs_mask=False,
    measure=measure,
    say="A part of the body is hidden with {value:.0f} %; the bound is {bound:.0f} %.",
    scale=100,
)
