"""A second look at people whom a border cuts or of whom the detector is not sure.

Each gets a picture of their own, larger and with them in the middle. Several such cells lie side by
side in one input of the detector, so a look costs an eighth of what a flat frame costs.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from tasks.common.media.images import Rgb
from tasks.common.recipe.models import DetectRecipe
from tasks.common.schema.boxes import Box
from tasks.common.settings import Settings
from tasks.common.sphere.directions import Array, axes_towards, sphere_px
from tasks.common.sphere.views import sample
from tasks.detect.detector import find_people
from tasks.detect.sphere.people import SAME_PART, SpherePerson, merge, outline_places, overlap

_COLUMNS, _ROWS = 4, 2  # cells of one input
_GREY = 114  # what ultralytics pads with
# A cell shows a person with so much around them, at most so wide.
_AROUND, _MORE_DEG, _WIDEST_DEG = 1.4, 2.0, 150.0
_NEAR_SHARE = 0.02  # of a cell: a box so near its border may be cut by it
_ROUNDS = 3  # looks at a person whom their own cell cuts, or shows no surer, again
_MOST_SEEN = 100  # boxes of one input
_MOST = 12  # cells of one sphere; bounds the cost in a crowd


def look_again(
    sphere: Rgb,
    people: Sequence[SpherePerson],
    recipe: DetectRecipe,
    least: float,
    settings: Settings,
) -> list[SpherePerson]:
    """Return the people who are sure, and those of the others whom a second look shows.

    An answer that is cut or doubtful in turn, of a confidence of at least `least`, is looked at
    around its own box. A cut person who is not seen again stays as they were, a doubtful one is
    dropped.
    """
    result = [person for person in people if not _is_open(person, recipe)]
    left = [person for person in people if _is_open(person, recipe)]
    # Cut people first: whatever comes of it, they are people.
    left.sort(key=lambda person: (person.confidence < recipe.confidence, -person.confidence))
    unseen: list[SpherePerson] = []
    n_cells = _MOST
    for _ in range(_ROUNDS):
        unseen, left = unseen + left[n_cells:], left[:n_cells]
        n_cells -= len(left)
        again: list[SpherePerson] = []
        for person, best in zip(left, _answers(sphere, left, recipe, least, settings), strict=True):
            if best is None:
                unseen.append(person)
            else:
                (again if _is_open(best, recipe) else result).append(best)
        left = merge(again)
    sure = [person for person in [*left, *unseen] if person.confidence >= recipe.confidence]
    return merge(result + [person._replace(is_cut=False) for person in sure])


def _is_open(person: SpherePerson, recipe: DetectRecipe) -> bool:
    return person.is_cut or person.confidence < recipe.confidence


def _answers(
    sphere: Rgb,
    people: Sequence[SpherePerson],
    recipe: DetectRecipe,
    least: float,
    settings: Settings,
) -> Iterator[SpherePerson | None]:
    """Yield each person as their own cell shows them; None where it does not."""
    side = recipe.input_px // _COLUMNS
    cells = [Cell.of(person, side) for person in people]
    per_input = _COLUMNS * _ROWS
    groups = [cells[start : start + per_input] for start in range(0, len(cells), per_input)]
    inputs = [side_by_side([cell.draw(sphere) for cell in group]) for group in groups]
    doubtful = recipe.model_copy(update={"confidence": least, "max_people": _MOST_SEEN})
    seen = []
    for group, answer in zip(groups, find_people(inputs, doubtful, settings), strict=True):
        for number, cell in enumerate(group):
            x, y = number % _COLUMNS * side, number // _COLUMNS * side
            own = Box(x, y, x + side, y + side)
            seen.append(
                [
                    cell.person(found.box.shift(-x, -y), found.confidence)
                    for found in answer.persons
                    if own.intersection(found.box).area > found.box.area / 2
                ]
            )
    for person, others in zip(people, seen, strict=True):
        yield max(
            (other for other in others if overlap(person, other)[1] >= SAME_PART),
            key=lambda other: other.confidence * sum(overlap(person, other)),
            default=None,
        )


def side_by_side(cells: Sequence[Rgb]) -> Rgb:
    """Return cells in rows, in as few as hold them, on grey.

    Always as wide as the detector's input, which would else be enlarged to that.
    """
    side = len(cells[0])
    rows = -(-len(cells) // _COLUMNS)
    whole = np.full((rows * side, _COLUMNS * side, 3), _GREY, np.uint8)
    for number, cell in enumerate(cells):
        x, y = number % _COLUMNS * side, number // _COLUMNS * side
        whole[y : y + side, x : x + side] = cell
    return whole


class Cell(NamedTuple):
    """A stereographic view around a person: it keeps angles, and has room for half a sphere."""

    axes: Array
    half: float  # tangent of a quarter of the field of view
    side_px: int

    @classmethod
    def of(cls, person: SpherePerson, side_px: int) -> "Cell":
        """Return the cell in whose middle a person is."""
        widest = min(_WIDEST_DEG, _AROUND * max(person.extent_deg) + _MORE_DEG)
        tangent = float(np.tan(np.radians(widest / 4)))
        return cls(axes_towards(person.centre).matrix, tangent, side_px)

    def directions(self, xs: Array, ys: Array) -> Array:
        """Return the unit vectors of places in px, counted from the corner."""
        across = (xs / self.side_px * 2 - 1) * self.half
        down = (1 - ys / self.side_px * 2) * self.half
        square = across**2 + down**2
        # Inverse of the stereographic projection (Snyder, 20-14 on a sphere, scale 1 / 2).
        rays = np.stack([2 * across, 2 * down, 1 - square], axis=-1) / (1 + square)[..., None]
        return rays @ self.axes

    def person(self, box: Box, confidence: float) -> SpherePerson:
        """Return the person of a box in px of the cell."""
        near, far = _NEAR_SHARE * self.side_px, (1 - _NEAR_SHARE) * self.side_px
        is_cut = min(box.x0, box.y0) < near or max(box.x1, box.y1) > far
        is_widest = self.half >= np.tan(np.radians(_WIDEST_DEG / 4)) - 1e-9
        outline = self.directions(*outline_places(box))
        return SpherePerson(outline, confidence, is_cut and not is_widest)

    def draw(self, sphere: Rgb) -> Rgb:
        """Return the cell's picture."""
        xs, ys = np.meshgrid(np.arange(self.side_px) + 0.5, np.arange(self.side_px) + 0.5)
        height, width = sphere.shape[:2]
        at = sphere_px(self.directions(xs, ys), (width, height))
        return sample(sphere, at[0].astype(np.float32), at[1].astype(np.float32), fine=False)
