"""Find the people of a sphere: a detector looks at a few views, and each person is found once.

Search views are Mercator's: meridians stand upright and angles are kept, so that a person looks
natural at any height. Why not what a usual lens shows: docs/decisions/0024.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.common.media.images import Rgb
from tasks.common.recipe.models import DetectRecipe, SphereRecipe
from tasks.common.schema.boxes import Box
from tasks.common.settings import Settings
from tasks.common.sphere.directions import Array, sphere_px
from tasks.common.sphere.views import sample
from tasks.detect.detector import find_people
from tasks.detect.sphere.people import SpherePerson, merge, outline_places
from tasks.detect.sphere.second_look import look_again

# The detector's input shows so many degrees at the horizon: 10 degrees are 40 px of 640.
_DEG_OF_INPUT = 160.0
_MOST_SEEN = 300  # boxes of one view, before a second look
_STRIDE_PX = 32
_NEAR_PX = 3.0  # a box so near the border of a view may be cut by it


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
    highest = float(np.arctanh(np.sin(np.radians(recipe.highest_deg))))
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
    least = min(recipe.confidence, search.second_look_from)
    first = recipe.model_copy(
        update={
            "input_px": max(chosen[0].size_wh) if chosen else 0,
            "confidence": least,
            "max_people": _MOST_SEEN,
        }
    )
    seen: list[SpherePerson] = []
    for view, people in zip(chosen, find_people(pictures, first, settings), strict=True):
        seen += [_person(view, person.box, person.confidence) for person in people.persons]
    merged = look_again(sphere, merge(seen), recipe, least, settings)
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


def _person(view: _SearchView, box: Box, confidence: float) -> SpherePerson:
    return SpherePerson(
        view.directions(*outline_places(box)), confidence, _is_cut(box, view.size_wh)
    )


def _is_cut(box: Box, size_wh: tuple[int, int]) -> bool:
    width, height = size_wh
    return bool(
        box.x0 < _NEAR_PX
        or box.y0 < _NEAR_PX
        or box.x1 > width - _NEAR_PX
        or box.y1 > height - _NEAR_PX
    )
