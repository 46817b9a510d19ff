"""Cut a person out of a sphere: a flat view that looks at them, at the sphere's own resolution."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from tasks.common.media.images import Rgb
from tasks.common.recipe.models import SphereRecipe
from tasks.common.schema.boxes import Box
from tasks.common.schema.views import View, ViewKind
from tasks.common.sphere.directions import Array, angles, axes_towards
from tasks.common.sphere.views import (
    directions_in_view,
    draw,
    fov_deg,
    places_of,
    px_in_view,
    rays_of,
    stretch,
)
from tasks.detect.crop_box import crop_box
from tasks.detect.sphere.people import SpherePerson

# Rectilinear first: only it keeps straight lines straight.
_KINDS: tuple[ViewKind, ...] = ("rectilinear", "transverse", "cylindrical")
# A view is no larger than this off its axis, where straight projections grow without bound.
_FARTHEST_DEG = 70.0
# The view goes on beyond the crop, so that no rule takes the crop's border for the picture's.
_MARGIN_PX = 4
_ANGLE_DECIMALS = 4
_AIMS = 2  # times that the axis is moved to the middle of the person's box
# Beyond this angle off its axis a view does not say where other people are.
_OTHERS_COS = 0.2


class PersonView(NamedTuple):
    """A person's view, its size, their box in it, the crop's box, and the other people's boxes."""

    view: View
    size_wh: tuple[int, int]
    person: Box
    crop: Box
    others: tuple[Box, ...]
    stretch: float  # the largest over the person's box

    def draw(self, sphere: Rgb) -> Rgb:
        """Return the crop's pixels out of an equirectangular picture."""
        return draw(sphere, directions_in_view(self.view, self.size_wh, self.crop))


def view_of(
    person: SpherePerson,
    others: Iterable[SpherePerson],
    width_px: int,
    context: float,
    recipe: SphereRecipe,
) -> PersonView:
    """Return the view of a person out of a sphere of this width.

    The first kind of view that stretches nothing of the person's box more than the recipe allows;
    if there is none, the one that stretches least, and the caller drops the person.
    """
    choices = [_place(kind, person.outline) for kind in _KINDS]
    fitting = [choice for choice in choices if choice.stretch <= recipe.max_stretch]
    chosen = fitting[0] if fitting else min(choices, key=lambda choice: choice.stretch)
    # Px per radian of the source: the view has neither more nor less detail.
    focal = width_px / (2 * np.pi)
    return _framed(chosen, person, others, focal, context)


class _Placed(NamedTuple):
    """A kind of view with its axis on the middle of a person, whose box is in focal lengths."""

    kind: ViewKind
    yaw_deg: float
    pitch_deg: float
    box: Box
    stretch: float


def _place(kind: ViewKind, outline: Array) -> _Placed:
    axis: Array = outline.mean(axis=0)
    for _ in range(_AIMS):
        matrix = axes_towards(axis).matrix
        box = _box(*places_of(kind, outline @ matrix.T))
        middle = rays_of(kind, np.array((box.x0 + box.x1) / 2), np.array((box.y0 + box.y1) / 2))
        axis = middle @ matrix
    yaw, pitch = (round(float(angle), _ANGLE_DECIMALS) for angle in angles(axis))
    box = _box(*places_of(kind, outline @ axes_towards(axis).matrix.T))
    corners = np.meshgrid([box.x0, 0.0, box.x1], [box.y0, 0.0, box.y1])
    # NaN where a person reaches behind the camera of a rectilinear view.
    largest = float(stretch(kind, *corners).max())
    return _Placed(kind, yaw, pitch, box, largest if np.isfinite(largest) else float("inf"))


def _box(xs: Array, ys: Array) -> Box:
    return Box(float(xs.min()), float(ys.min()), float(xs.max()), float(ys.max()))


def _framed(
    placed: _Placed,
    person: SpherePerson,
    others: Iterable[SpherePerson],
    focal: float,
    context: float,
) -> PersonView:
    """Return the view in px: as large as the person with context around them, and a little more."""
    padding = context * max(placed.box.width, placed.box.height)
    wide = placed.box.pad(padding + _MARGIN_PX / focal)
    farthest = _reach(placed.kind)
    half_wh = [
        max(2.0, np.ceil(focal * min(limit, max(-low, high))))
        for limit, low, high in zip(farthest, (wide.x0, wide.y0), (wide.x1, wide.y1), strict=True)
    ]
    size_wh = (2 * int(half_wh[0]), 2 * int(half_wh[1]))
    fov = round(fov_deg(placed.kind, size_wh[0], focal), _ANGLE_DECIMALS)
    view = View(placed.kind, placed.yaw_deg, placed.pitch_deg, fov)
    box = _px_box(view, size_wh, person.outline)
    return PersonView(
        view,
        size_wh,
        box,
        crop_box(box, size_wh, context),
        _others(view, size_wh, person, others),
        placed.stretch,
    )


def _reach(kind: ViewKind) -> tuple[float, float]:
    """Return how far a view may reach to each side, and up or down, in focal lengths."""
    angle = np.radians(_FARTHEST_DEG)
    straight, even = float(np.tan(angle)), float(1.5 * angle)
    return (
        even if kind == "cylindrical" else straight,
        even if kind == "transverse" else straight,
    )


def _px_box(view: View, size_wh: tuple[int, int], outline: Array) -> Box:
    return _box(*px_in_view(view, size_wh, outline))


def _others(
    view: View, size_wh: tuple[int, int], person: SpherePerson, others: Iterable[SpherePerson]
) -> tuple[Box, ...]:
    """Return the boxes of other people who are before the camera of this view."""
    boxes: Sequence[Box] = [
        _px_box(view, size_wh, other.outline)
        for other in others
        if other is not person and float((other.outline @ person.centre).min()) > _OTHERS_COS
    ]
    return tuple(boxes)
