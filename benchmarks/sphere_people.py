"""People of real pictures put into real spheres, so that it is known where everybody is.

Masks drawn by people cut a person out of a picture; the cut-out becomes a plane that faces the
camera of a sphere, upright, in a given direction and of a given height as seen from there.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.common.media.images import Rgb, read_grey, read_rgb
from tasks.common.sphere.directions import Array, directions_of_px
from tests.spheres import put_person

HEIGHTS_DEG = (6, 8, 10, 12, 15, 20, 30, 45, 60)
PITCHES_DEG = (0, 45, -45, -15, 25)
SPHERE_WH = (2880, 1440)
_PER_SPHERE = 3
_OF_SEQUENCE = (0.1, 0.5, 0.9)  # frames of a sequence that are used
_WHOLE = 0.97  # share of the mask in one piece
_LEAST_PX = 100


class CutOut(NamedTuple):
    """A person and how much each px belongs to them: uint8 (H, W, 3), float32 (H, W) in 0..1."""

    name: str
    rgb: Rgb
    alpha: NDArray[np.float32]


class Placed(NamedTuple):
    """A person put into a sphere: where and how high in degrees, and the directions they cover."""

    name: str
    yaw_deg: float
    pitch_deg: float
    height_deg: float
    directions: Array

    def __str__(self) -> str:
        return (
            f"{self.name}: {self.height_deg:g} degrees high at yaw {self.yaw_deg:.0f}, "
            f"pitch {self.pitch_deg:.0f}"
        )


class Scene(NamedTuple):
    """A sphere with people put into it; `turn_deg` is how far its background was turned."""

    sphere: Rgb
    people: list[Placed]
    background: int
    turn_deg: float


def cut_outs(folders: Sequence[Path], without: Sequence[str] = ()) -> list[CutOut]:
    """Return the people of folders who are in one piece and touch no border.

    Folders hold `NAME.jpg` beside `NAME-mask.png`, or `frames/*.jpg` and `masks/*.png`.
    """
    cut = [_cut_out(*pair) for folder in folders for pair in _pairs(folder)]
    return [person for person in cut if person is not None and person.name not in without]


def _pairs(folder: Path) -> Iterator[tuple[str, Path, Path]]:
    for mask in sorted(folder.glob("*-mask.png")):
        name = mask.name.removesuffix("-mask.png")
        yield name, folder / f"{name}.jpg", mask
    masks = sorted((folder / "masks").glob("*.png"))
    for share in _OF_SEQUENCE if masks else ():
        mask = masks[int(share * len(masks))]
        yield f"{folder.name}-{mask.stem}", folder / "frames" / f"{mask.stem}.jpg", mask


def _cut_out(name: str, picture: Path, mask: Path) -> CutOut | None:
    rgb, drawn = read_rgb(picture), (read_grey(mask) > 0).astype(np.uint8)
    drawn = np.asarray(cv2.resize(drawn, rgb.shape[1::-1], interpolation=cv2.INTER_NEAREST))
    number, _, stats, _ = cv2.connectedComponentsWithStats(drawn)
    if number < 2:  # the background is one of them
        return None
    x, y, width, height, area = stats[1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))]
    is_free = x > 0 and y > 0 and x + width < rgb.shape[1] and y + height < rgb.shape[0]
    if not is_free or height < _LEAST_PX or area < _WHOLE * drawn.sum():
        return None
    rows, columns = slice(y, y + height), slice(x, x + width)
    return CutOut(name, rgb[rows, columns], drawn[rows, columns].astype(np.float32))


def scenes(
    people: Sequence[CutOut], backgrounds: Sequence[Rgb], n_spheres: int, seed: int = 5
) -> Iterator[Scene]:
    """Yield spheres with three people each, the first of them across the picture's border.

    All heights, pitches and people take their turns; yaws are random.
    """
    random = np.random.default_rng(seed)
    directions = directions_of_px(SPHERE_WH)
    order = random.permutation(len(people) * _PER_SPHERE) % len(people)
    combinations = [(height, pitch) for height in HEIGHTS_DEG for pitch in PITCHES_DEG]
    places = random.permutation(len(combinations))
    for number in range(n_spheres):
        background = number % len(backgrounds)
        shift = int(random.integers(SPHERE_WH[0]))
        sphere: Rgb = np.roll(backgrounds[background], shift, axis=1)
        placed = []
        first = random.uniform(-4, 4) + 180
        for third in range(_PER_SPHERE):
            at = number * _PER_SPHERE + third
            height, pitch = combinations[places[at % len(places)]]
            person = people[order[at % len(order)]]
            yaw = (first + 120 * third + random.uniform(-10, 10) * (third > 0) + 180) % 360 - 180
            drawn, alpha = put_person(sphere, person.rgb, yaw, pitch, height, person.alpha)
            sphere = drawn
            placed.append(Placed(person.name, yaw, pitch, height, directions[alpha > 0.5]))
        yield Scene(sphere, placed, background, shift / SPHERE_WH[0] * 360)
