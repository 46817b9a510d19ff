"""A view: how a flat picture was taken out of a sphere, so that a mask can be put back into it."""

from dataclasses import dataclass
from math import acos, cos, degrees, radians, sin
from typing import Literal

ViewKind = Literal["rectilinear", "cylindrical", "transverse"]
"""How a view shows angles off its axis.

`rectilinear`: as a usual lens does. `cylindrical`: angles to the left and right are evenly spaced,
for people who lie or spread their arms. `transverse`: angles up and down are, for tall ones.
"""


@dataclass(frozen=True)
class View:
    """The camera of a view, with its upper edge towards the zenith of the sphere.

    Angles are in degrees: `yaw_deg` of the axis from the middle of the sphere's picture to the
    right, -180..180, `pitch_deg` upwards, -90..90. `fov_deg` is the horizontal field of view of the
    whole view, whose size in px stands beside it.
    """

    kind: ViewKind
    yaw_deg: float
    pitch_deg: float
    fov_deg: float

    def degrees_to(self, other: "View") -> float:
        """Return the angle between the axes of two views, in degrees (law of cosines)."""
        here, there = radians(self.pitch_deg), radians(other.pitch_deg)
        turn = radians(self.yaw_deg - other.yaw_deg)
        cosine = sin(here) * sin(there) + cos(here) * cos(there) * cos(turn)
        return degrees(acos(max(-1.0, min(1.0, cosine))))
