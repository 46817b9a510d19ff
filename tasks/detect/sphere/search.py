"""Find the people of a sphere: a detector looks at a few views, and each person is found once.

Search views are Mercator's: meridians stand upright and angles are kept, so that a person looks
natural at any height. Why not what a usual lens shows: docs/decisions/0024.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.common.media.images import Rgb
from tasks.common.recipe.models import DetectRecipe, SphereRecipe
from tasks.common.schema.boxes import Box
from tasks.common.settings import Settings
from tasks.common.sphere.directions import Array, axes_towards, sphere_px
from tasks.common.sphere.views import sample
from tasks.detect.detector import find_people

# The detector's input shows so many degrees at the horizon: 10 degrees are 36 px of 640.
_DEG_OF_INPUT = 180.0
_HIGHEST_DEG = 65.0  # of a search view; people beyond reach into it, and get a second look
_STRIDE_PX = 32
_NEAR_PX = 3.0  # a box so near the border of a view may be cut by it
# Two boxes show one person where they overlap so much; of a box that a border cuts, more of the
# smaller one.
_SAME_IOU, _SAME_PART = 0.45, 0.6
_PART_OF_TWO = 0.15  # two cut boxes of one person, who is wider than views overlap
# A second look shows a person with so much around them, at most so wide.
_AROUND, _WIDEST_DEG = 1.6, 150.0
_SECOND_PX = 320
_ALONG = (0.25, 0.5, 0.75)  # where on each side of a box its outline is taken


class SpherePerson(NamedTuple):
    """A person in a sphere: unit vectors (12, 3) along the sides of their box, and confidence.

    The sides come in the order top, bottom, left, right. `is_cut`: a border of the view cuts them.
    """

    outline: Array
    confidence: float
    is_cut: bool = False

    @property
    def centre(self) -> Array:
        """The unit vector of the middle, between the left and the right side."""
        middle: Array = self.outline[6:].mean(axis=0)
        return middle / np.linalg.norm(middle)

    @property
    def extent_deg(self) -> tuple[float, float]:
        """The angles from side to side and from top to bottom, in degrees."""
        box = around(self.centre, self.outline)
        return box.width, box.height


def around(centre: Array, directions: Array) -> Box:
    """Return the box of directions in degrees right of and below a centre, wherever it is.

    Distances from the centre are kept (azimuthal equidistant), so neither poles nor the border of
    the picture matter.
    """
    rays = directions @ axes_towards(centre).matrix.T
    angle = np.degrees(np.arccos(np.clip(rays[:, 2], -1, 1)))
    far = np.maximum(np.hypot(rays[:, 0], rays[:, 1]), 1e-12)
    xs, ys = angle * rays[:, 0] / far, -angle * rays[:, 1] / far
    return Box(float(xs.min()), float(ys.min()), float(xs.max()), float(ys.max()))


class _SearchView(NamedTuple):
    """A Mercator picture of a part of a sphere: its middle, its size in px, px per radian."""

    yaw: float  # radians
    size_wh: tuple[int, int]
    focal: float

    def directions(self, xs: Array, ys: Array) -> Array:
        """Return the unit vectors of places in px, counted from the corner."""
        yaw = self.yaw + (xs - self.size_wh[0] / 2) / self.focal
        # The inverse of Mercator's latitude (Snyder, 7-4, on a sphere).
        pitch = np.arctan(np.sinh((self.size_wh[1] / 2 - ys) / self.focal))
        return np.stack(
            [np.cos(pitch) * np.sin(yaw), np.sin(pitch), np.cos(pitch) * np.cos(yaw)], axis=-1
        )


def search_views(recipe: SphereRecipe, input_px: int) -> tuple[_SearchView, ...]:
    """Return the views that are looked at, evenly around the horizon."""
    focal = input_px / np.radians(_DEG_OF_INPUT)
    highest = float(np.arctanh(np.sin(np.radians(_HIGHEST_DEG))))
    width = _whole_strides(np.radians(recipe.view_deg) * focal)
    height = _whole_strides(2 * highest * focal)
    step = 2 * np.pi / recipe.views
    return tuple(
        _SearchView((number + 0.5) * step - np.pi, (width, height), focal)
        for number in range(recipe.views)
    )


def _whole_strides(length_px: float) -> int:
    return max(1, round(length_px / _STRIDE_PX)) * _STRIDE_PX


def find_in_sphere(
    sphere: Rgb,
    recipe: DetectRecipe,
    search: SphereRecipe,
    settings: Settings,
    only: Iterable[int] | None = None,
) -> list[SpherePerson]:
    """Return the people of an equirectangular picture, from left to right.

    `only` names the views that are looked at; None: all.
    """
    views = search_views(search, recipe.input_px)
    chosen = list(views) if only is None else [views[number] for number in sorted(set(only))]
    small = _shrunk(sphere, chosen[0].focal) if chosen else sphere
    pictures = [_look(small, view) for view in chosen]
    longest = recipe.model_copy(update={"input_px": max(chosen[0].size_wh) if chosen else 0})
    seen: list[SpherePerson] = []
    for view, people in zip(chosen, find_people(pictures, longest, settings), strict=True):
        seen += [_person(view, person.box, person.confidence) for person in people.persons]
    merged = merge(seen)
    merged = merge(_look_again(sphere, merged, recipe, settings))
    tall = [person for person in merged if person.extent_deg[1] >= search.min_height_deg]
    best = sorted(tall, key=lambda person: -person.confidence)[: recipe.max_people]
    return sorted(best, key=lambda person: tuple(np.round(sphere_px(person.centre, (3600, 1800)))))


def views_of(people: Iterable[SpherePerson], search: SphereRecipe, input_px: int) -> set[int]:
    """Return the numbers of the views in whose half of the width, or nearer, people are."""
    views = search_views(search, input_px)
    return {
        number
        for person in people
        for number, view in enumerate(views)
        if _turn(float(np.arctan2(person.centre[0], person.centre[2])) - view.yaw)
        <= np.pi / len(views) + 1e-9
    }


def _turn(angle: float) -> float:
    return abs((angle + np.pi) % (2 * np.pi) - np.pi)


def _shrunk(sphere: Rgb, focal: float) -> Rgb:
    """Shrink a sphere to about the views' resolution: sampling a larger one would alias."""
    width = round(2 * np.pi * focal * 1.25)  # a little more, since views enlarge what is high up
    if width >= sphere.shape[1]:
        return sphere
    return np.asarray(cv2.resize(sphere, (width, width // 2), interpolation=cv2.INTER_AREA))


def _look(sphere: Rgb, view: _SearchView) -> Rgb:
    height, width = sphere.shape[:2]
    return sample(sphere, *_maps(view, (width, height)), fine=False)


@lru_cache(maxsize=64)  # views of one or two sizes of sphere
def _maps(
    view: _SearchView, size_wh: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    xs, ys = np.meshgrid(np.arange(view.size_wh[0]) + 0.5, np.arange(view.size_wh[1]) + 0.5)
    at = sphere_px(view.directions(xs, ys), size_wh)
    return at[0].astype(np.float32), at[1].astype(np.float32)


def _outline(box: Box) -> tuple[Array, Array]:
    """Return twelve places along the sides of a box: top, bottom, left, right.

    Not its corners: where a person is not, a tall box high up reaches far around the pole.
    """
    xs = [box.x0 + share * box.width for share in _ALONG]
    ys = [box.y0 + share * box.height for share in _ALONG]
    return (
        np.array([*xs, *xs, *[box.x0] * len(ys), *[box.x1] * len(ys)]),
        np.array([*[box.y0] * len(xs), *[box.y1] * len(xs), *ys, *ys]),
    )


def _person(view: _SearchView, box: Box, confidence: float) -> SpherePerson:
    return SpherePerson(view.directions(*_outline(box)), confidence, _is_cut(box, view.size_wh))


def _is_cut(box: Box, size_wh: tuple[int, int]) -> bool:
    width, height = size_wh
    return bool(
        box.x0 < _NEAR_PX
        or box.y0 < _NEAR_PX
        or box.x1 > width - _NEAR_PX
        or box.y1 > height - _NEAR_PX
    )


def merge(seen: Sequence[SpherePerson]) -> list[SpherePerson]:
    """Return each person once: whole boxes before cut ones, then the surest.

    Parts of one person that two borders cut are joined.
    """
    kept: list[SpherePerson] = []
    for person in sorted(seen, key=lambda person: (person.is_cut, -person.confidence)):
        for number, known in enumerate(kept):
            iou, part = _overlap(known, person)
            if iou >= _SAME_IOU or (person.is_cut and part >= _SAME_PART):
                break
            if person.is_cut and known.is_cut and part >= _PART_OF_TWO:
                kept[number] = _joined(known, person)
                break
        else:
            kept.append(person)
    return kept


def _overlap(a: SpherePerson, b: SpherePerson) -> tuple[float, float]:
    """Return intersection over union, and over the smaller of the two."""
    if float(a.centre @ b.centre) <= 0:
        return 0.0, 0.0
    one, other = around(a.centre, a.outline), around(a.centre, b.outline)
    smaller = min(one.area, other.area)
    return one.iou(other), one.intersection(other).area / smaller if smaller > 0 else 0.0


def _joined(a: SpherePerson, b: SpherePerson) -> SpherePerson:
    """Return a person of both parts: of each side the points that lie farthest out."""
    axes = axes_towards(a.centre + b.centre).matrix
    sides = []
    for side, (axis, sign) in enumerate(((1, 1), (1, -1), (0, -1), (0, 1))):
        rows = slice(3 * side, 3 * side + 3)
        parts = [a.outline[rows], b.outline[rows]]
        sides.append(max(parts, key=lambda part: float((part @ axes[axis]).mean()) * sign))
    return SpherePerson(np.concatenate(sides), max(a.confidence, b.confidence), is_cut=True)


def _look_again(
    sphere: Rgb, people: Sequence[SpherePerson], recipe: DetectRecipe, settings: Settings
) -> list[SpherePerson]:
    """Look once more at people whom a border cut, each in the middle of a view of their own.

    A person who is not seen again stays as they were.
    """
    cut = [person for person in people if person.is_cut]
    if not cut:
        return list(people)
    views = [_PersonView.of(person) for person in cut]
    second = recipe.model_copy(update={"input_px": _SECOND_PX})
    result = [person for person in people if not person.is_cut]
    answers = find_people([view.draw(sphere) for view in views], second, settings)
    for person, view, seen in zip(cut, views, answers, strict=True):
        outlines = [
            SpherePerson(view.directions(*_outline(other.box)), other.confidence)
            for other in seen.persons
        ]
        best = max(outlines, key=lambda other: _overlap(person, other)[1], default=None)
        is_seen = best is not None and _overlap(person, best)[1] >= _SAME_PART
        result.append(best if best is not None and is_seen else person._replace(is_cut=False))
    return result


class _PersonView(NamedTuple):
    """A stereographic view around a person: it keeps angles, and has room for half a sphere."""

    axes: Array
    half: float  # tangent of a quarter of the field of view

    @classmethod
    def of(cls, person: SpherePerson) -> "_PersonView":
        widest = min(_WIDEST_DEG, _AROUND * max(person.extent_deg) + 10)
        return cls(axes_towards(person.centre).matrix, float(np.tan(np.radians(widest / 4))))

    def directions(self, xs: Array, ys: Array) -> Array:
        """Return the unit vectors of places in px, counted from the corner."""
        across = (xs / _SECOND_PX * 2 - 1) * self.half
        down = (1 - ys / _SECOND_PX * 2) * self.half
        square = across**2 + down**2
        # Inverse of the stereographic projection (Snyder, 20-14 on a sphere, scale 1 / 2).
        rays = np.stack([2 * across, 2 * down, 1 - square], axis=-1) / (1 + square)[..., None]
        return rays @ self.axes

    def draw(self, sphere: Rgb) -> Rgb:
        xs, ys = np.meshgrid(np.arange(_SECOND_PX) + 0.5, np.arange(_SECOND_PX) + 0.5)
        height, width = sphere.shape[:2]
        at = sphere_px(self.directions(xs, ys), (width, height))
        return sample(sphere, at[0].astype(np.float32), at[1].astype(np.float32), fine=False)
