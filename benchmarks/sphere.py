"""360 spheres: what files are, who is found, how masks come back, and what a frame costs.

python -m benchmarks.sphere files FILE...          each file's projection, or what is asked
python -m benchmarks.sphere mask SPHERE MASK       IoU of a mask after sphere -> view -> sphere
python -m benchmarks.sphere cost SPHERE [FLAT]     CPU of a sphere against a flat frame
python -m benchmarks.sphere recall [--spheres 30]  people put into spheres at known directions

`recall` puts two people of `bus.jpg`, which comes with ultralytics, into spheres with a texture.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tasks.common.errors import SourceError
from tasks.common.media.images import Rgb, read_grey, read_rgb
from tasks.common.recipe.models import DetectRecipe, DownloadRecipe, SphereRecipe
from tasks.common.settings import settings
from tasks.common.sphere.directions import Array, axes_towards, direction, directions_of_px
from tasks.common.sphere.views import directions_in_view, draw, to_sphere
from tasks.detect.detector import find_people
from tasks.detect.sphere.cut import view_of
from tasks.detect.sphere.search import SpherePerson, around, find_in_sphere
from tasks.download.probe import probe
from tests.spheres import put_person, sphere

RECIPE = DetectRecipe(model="fall-yolov8s", confidence=0.3)
SEARCH = SphereRecipe()
_HEIGHTS_DEG = (6, 8, 10, 12, 15, 20, 30, 45, 60)
_PITCHES_DEG = (0, 45, -45, -15, 25)
_SPHERE_WH = (2880, 1440)
_N_REPEATS = 5
# Of bus.jpg: rows and columns of two people who stand free.
_PEOPLE = ((slice(375, 915), slice(40, 222)), (slice(384, 880), slice(204, 352)))


class Placed(NamedTuple):
    """A person put into a sphere: where their middle is, and how high they are, in degrees."""

    yaw_deg: float
    pitch_deg: float
    height_deg: float


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("files", "mask", "cost", "recall"))
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--spheres", type=int, default=30)
    given = parser.parse_args()
    if given.what == "files":
        print_files(given.files)
    elif given.what == "mask":
        print(f"IoU {round_trip(*given.files):.4f}")
    elif given.what == "cost":
        print_cost(*given.files)
    else:
        print_recall(given.spheres)


def print_files(files: list[Path]) -> None:
    """Print what each file is recognised as."""
    for file in files:
        try:
            found = probe(file, str(file), DownloadRecipe(), settings())
            print(f"{file.name}: {found.projection} {found.captured_with or ''}")
        except SourceError as error:
            print(f"{file.name}: {error}")


def round_trip(sphere_file: Path, mask_file: Path) -> float:
    """Return the IoU of a mask of a sphere with itself, after it was cut flat and put back."""
    picture, mask = read_rgb(sphere_file), read_grey(mask_file) > 127
    height, width = mask.shape
    directions = directions_of_px((width, height))
    on_person = directions[mask]
    centre = on_person.mean(axis=0)
    person = _outlined(centre / np.linalg.norm(centre), on_person)
    placed = view_of(person, [], picture.shape[1], 0.2, SEARCH)
    print(f"{placed.view} {placed.size_wh}, largest stretch {placed.stretch:.3f}")
    white = np.repeat((mask * 255).astype(np.uint8)[:, :, None], 3, axis=2)
    flat = draw(white, directions_in_view(placed.view, placed.size_wh, placed.crop))[:, :, 0]
    cut = (flat > 127).astype(np.uint8)
    back = to_sphere(cut, placed.view, placed.size_wh, placed.crop, (width, height)) == 1
    return float((back & mask).sum() / (back | mask).sum())


def _outlined(centre: Array, on_person: Array) -> SpherePerson:
    """Return the person whose box holds these directions."""
    box = around(centre, on_person)
    xs = [box.x0 + share * box.width for share in (0.25, 0.5, 0.75)]
    ys = [box.y0 + share * box.height for share in (0.25, 0.5, 0.75)]
    places = [(x, y) for y in (box.y0, box.y1) for x in xs]
    places += [(x, y) for x in (box.x0, box.x1) for y in ys]
    rays = []
    for x, y in places:
        angle, far = np.radians(np.hypot(x, y)), np.hypot(x, y)
        rays.append([np.sin(angle) * x / far, -np.sin(angle) * y / far, np.cos(angle)])
    return SpherePerson(np.array(rays) @ axes_towards(centre).matrix, 1.0)


def print_cost(sphere_file: Path, flat_file: Path | None = None) -> None:
    """Print the CPU of searching a sphere and of detecting people in a flat 16:9 frame."""
    picture = read_rgb(sphere_file)
    flat = np.zeros((1080, 1920, 3), np.uint8) if flat_file is None else read_rgb(flat_file)
    find_in_sphere(picture, RECIPE, SEARCH, settings())  # loads the model, builds the maps
    list(find_people([flat], RECIPE, settings()))
    costs = []
    for work in (
        lambda: find_in_sphere(picture, RECIPE, SEARCH, settings()),
        lambda: list(find_people([flat], RECIPE, settings())),
    ):
        start = time.process_time()
        for _ in range(_N_REPEATS):
            work()
        costs.append((time.process_time() - start) / _N_REPEATS)
    around_s, flat_s = costs
    print(f"sphere {around_s:.2f} CPU-s, flat {flat_s:.2f} CPU-s, ratio {around_s / flat_s:.2f}")


def print_recall(n_spheres: int) -> None:
    """Print who is found, by angular height, with duplicates, largest stretch and cut boxes."""
    found: dict[float, list[bool]] = defaultdict(list)
    n_twice = n_cut = 0
    largest = 1.0
    for picture, placed in _drawn(n_spheres):
        people = find_in_sphere(picture, RECIPE, SEARCH, settings())
        for truth in placed:
            own = [person for person in people if _is_at(person, truth)]
            found[truth.height_deg].append(bool(own))
            if not own:
                print("missed", truth)
            n_twice += max(0, len(own) - 1)
            for person in own:
                view = view_of(person, people, picture.shape[1], RECIPE.context, SEARCH)
                largest = max(largest, view.stretch)
                n_cut += person.extent_deg[1] < 0.8 * truth.height_deg
    for height, hits in sorted(found.items()):
        print(f"{height:3.0f} degrees: {sum(hits)} of {len(hits)}")
    tall = [hit for height, hits in found.items() if height >= 10 for hit in hits]
    print(f"10 degrees and more: recall {np.mean(tall):.3f} of {len(tall)}, found twice {n_twice}")
    print(f"largest stretch {largest:.3f}, boxes shorter than 80 % of the person: {n_cut}")


def _is_at(person: SpherePerson, truth: Placed) -> bool:
    cosine = float(person.centre @ direction(truth.yaw_deg, truth.pitch_deg))
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1)))) < 0.35 * truth.height_deg


def _drawn(n_spheres: int) -> Iterator[tuple[Rgb, list[Placed]]]:
    """Yield spheres with three people each, the first of them across the picture's border."""
    package = find_spec("ultralytics")
    assert package is not None
    assert package.origin is not None
    photo = read_rgb(Path(package.origin).parent / "assets" / "bus.jpg")
    random = np.random.default_rng(5)
    empty = sphere(_SPHERE_WH, 4.0)
    for number in range(n_spheres):
        picture, placed = empty, []
        for third in range(3):
            yaw = (180 + 120 * third + random.uniform(-3, 3) + 180) % 360 - 180
            height = _HEIGHTS_DEG[(number + third) % len(_HEIGHTS_DEG)]
            pitch = _PITCHES_DEG[(number + 2 * third) % len(_PITCHES_DEG)]
            rows, columns = _PEOPLE[(number + third) % 2]
            picture = put_person(picture, photo[rows, columns], yaw, pitch, height)
            placed.append(Placed(yaw, pitch, height))
        yield picture, placed


if __name__ == "__main__":
    main()
