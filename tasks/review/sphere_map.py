"""Where in their spheres the crops of 360 sources lie."""

from collections.abc import Iterable
from typing import NamedTuple

from tasks.common.records import Verdict
from tasks.common.schema.rows import RunCrop

# Dots beyond these would hide each other and make the page heavy; the text says how many there are.
_MAX_DOTS = 2000


class Dot(NamedTuple):
    """A crop on the map: px of a picture of 360 by 180, verdict, and what it is."""

    x: float
    y: float
    verdict: Verdict
    crop_id: str


class SphereMap(NamedTuple):
    """The crops out of spheres: how many there are, and dots for some of them."""

    n_crops: int
    dots: tuple[Dot, ...]


def sphere_map(crops: Iterable[RunCrop]) -> SphereMap | None:
    """Return the map of a run; None if no source is a sphere."""
    dots = [
        Dot(
            round(180 + crop.crop.view.yaw_deg, 1),
            round(90 - crop.crop.view.pitch_deg, 1),
            crop.verdict.verdict,
            crop.stem,
        )
        for crop in crops
        if crop.crop.view is not None
    ]
    step = max(1, -(-len(dots) // _MAX_DOTS))
    return SphereMap(len(dots), tuple(dots[::step])) if dots else None
