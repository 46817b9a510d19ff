"""Geometry of single-person crops."""

from tasks.common.schema.boxes import Box


def crop_box(person: Box, size_wh: tuple[int, int], context: float) -> Box:
    """Return the box around a person, in whole px, clipped to the frame.

    `context` is the margin on every side as a share of the person box's longer side: a detector's
    box is loose on one side and tight on the other, and a matting model needs to see background.
    The result holds at least one px.
    """
    return person.pad(context * max(person.width, person.height)).clip(size_wh)
