"""360 spheres: what files are, who is found, how masks come back, and what a frame costs.

python -m benchmarks.sphere files FILE...          each file's projection, or what is asked
python -m benchmarks.sphere mask SPHERE MASK       IoU of a mask after sphere -> view -> sphere
python -m benchmarks.sphere cost SPHERE [FLAT]     CPU of a sphere against a flat frame
python -m benchmarks.sphere recall [FILE...]       people put into spheres at known directions

`recall` puts people into spheres (FILE... or one with a texture): those whom drawn masks cut out of
the pictures of `--people FOLDER...` (`NAME.jpg` beside `NAME-mask.png`, or `frames` and `masks`),
else two of `bus.jpg`, which comes with ultralytics. `--without NAME...` leaves out groups.
"""

import argparse
import time
from collections.abc import Iterable, Sequence
from functools import partial
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import numpy as np

from benchmarks.sphere_people import SPHERE_WH, CutOut, Placed, Scene, cut_outs, scenes
from tasks.common.errors import SourceError
from tasks.common.media.images import Rgb, read_grey, read_rgb
from tasks.common.recipe.models import DetectRecipe, DownloadRecipe, SphereRecipe
from tasks.common.schema.boxes import Box
from tasks.common.settings import settings
from tasks.common.sphere.directions import Array, axes_towards, directions_of_px, level_axes
from tasks.common.sphere.views import directions_in_view, draw, px_in_view, to_sphere
from tasks.detect.detector import find_people
from tasks.detect.sphere.cut import view_of
from tasks.detect.sphere.people import SpherePerson, around
from tasks.detect.sphere.search import find_in_sphere
from tasks.detect.sphere.stage import eye_of
from tasks.download.probe import probe
from tests.spheres import sphere

RECIPE = DetectRecipe(model="fall-yolov8s", confidence=0.3)
SEARCH = SphereRecipe()
_N_REPEATS = 5
_INTO_VIDEO = 25  # frames; many begin with black
_TALL_DEG = 10.0
# Boxes of the same person: IoU, and share of the smaller one. The detector's boxes of such people
# are up to 2.5 times as large as they, also in flat pictures.
_SAME, _PART = 0.3, 0.7
_CUT = 0.02  # share of a person beyond the crop: masks drawn by people end in hair and straps
# Of bus.jpg: rows and columns of two people who stand free.
_PEOPLE = ((slice(375, 915), slice(40, 222)), (slice(384, 880), slice(204, 352)))


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("files", "mask", "cost", "recall"))
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--spheres", type=int, default=30)
    parser.add_argument("--people", nargs="*", type=Path, default=[])
    parser.add_argument("--without", nargs="*", default=[])
    given = parser.parse_args()
    if given.what == "files":
        print_files(given.files)
    elif given.what == "mask":
        print(f"IoU {round_trip(*given.files):.4f}")
    elif given.what == "cost":
        print_cost(*given.files)
    else:
        people = cut_outs(given.people, given.without) if given.people else _from_bus()
        backgrounds = _backgrounds(given.files)
        print(f"{len(people)} people in {given.spheres} spheres")
        print_recall(scenes(people, backgrounds, given.spheres), backgrounds)


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


class Outcome(NamedTuple):
    """What became of one person: whether found, how often more, and their published view."""

    placed: Placed
    is_found: bool
    n_more: int  # further boxes of the same person
    stretch: float  # of their view
    cut_share: float  # of the person, beyond the crop


def print_recall(scenes_with_people: Iterable[Scene], backgrounds: Sequence[Rgb]) -> None:
    """Print who is found, by height and pitch, with duplicates, stretch and cut people."""
    search = partial(find_in_sphere, recipe=RECIPE, search=SEARCH, settings=settings())
    anyway = [search(background) for background in backgrounds]
    outcomes: list[Outcome] = []
    for scene in scenes_with_people:
        people = search(scene.sphere)
        turned = [_turned(person, scene.turn_deg) for person in anyway[scene.background]]
        for placed in scene.people:
            outcomes.append(outcome_of(placed, people, turned, scene.sphere.shape[1]))
            if not outcomes[-1].is_found:
                print("missed", placed)
    print_outcomes(outcomes)


def outcome_of(
    placed: Placed, people: Sequence[SpherePerson], anyway: Sequence[SpherePerson], width_px: int
) -> Outcome:
    """Return what became of a person, among all who were found in their sphere.

    `anyway` are those who are found in the background alone, who are nobody's duplicates.
    """
    centre = placed.directions.mean(axis=0)
    truth = around(centre / np.linalg.norm(centre), placed.directions)
    overlaps = {number: _overlap(truth, centre, person) for number, person in enumerate(people)}
    own = [number for number, (iou, _) in overlaps.items() if iou >= _SAME]
    if not own:
        return Outcome(placed, False, 0, 0.0, 0.0)
    best = people[max(own, key=lambda number: overlaps[number][0])]
    others = [people[number] for number, (iou, part) in overlaps.items()
              if people[number] is not best and (iou >= _SAME or part >= _PART)]  # fmt: skip
    n_more = sum(not any(_iou(one, other) >= _SAME for other in anyway) for one in others)
    view = view_of(best, people, width_px, RECIPE.context, SEARCH)
    xs, ys = px_in_view(view.view, view.size_wh, placed.directions)
    crop = view.crop
    inside = (xs >= crop.x0) & (xs <= crop.x1) & (ys >= crop.y0) & (ys <= crop.y1)
    return Outcome(placed, True, n_more, view.stretch, 1 - float(inside.mean()))


def _overlap(truth: Box, centre: Array, person: SpherePerson) -> tuple[float, float]:
    """Return IoU with the person found, and the share of the latter's box inside the true one."""
    unit = centre / np.linalg.norm(centre)
    if float(person.centre @ unit) <= 0:
        return 0.0, 0.0
    box = around(unit, person.outline)
    return truth.iou(box), truth.intersection(box).area / max(box.area, 1e-9)


def _iou(a: SpherePerson, b: SpherePerson) -> float:
    return _overlap(around(a.centre, a.outline), a.centre, b)[0]


def _turned(person: SpherePerson, turn_deg: float) -> SpherePerson:
    """Return a person as seen after the sphere was turned to the right."""
    return person._replace(outline=person.outline @ level_axes(turn_deg, 0.0).matrix)


def print_outcomes(outcomes: Sequence[Outcome]) -> None:
    """Print the table of recall by height and pitch, and the figures of all people found."""
    heights = sorted({outcome.placed.height_deg for outcome in outcomes})
    pitches = sorted({outcome.placed.pitch_deg for outcome in outcomes})
    print("height  " + "".join(f"{pitch:>+8.0f}" for pitch in pitches) + "     all")
    for height in heights:
        row = [outcome for outcome in outcomes if outcome.placed.height_deg == height]
        cells = [[o for o in row if o.placed.pitch_deg == pitch] for pitch in pitches]
        print(f"{height:6.0f}  " + "".join(f"{_hits(cell):>8}" for cell in [*cells, row]))
    tall = [outcome for outcome in outcomes if outcome.placed.height_deg >= _TALL_DEG]
    found = [outcome for outcome in outcomes if outcome.is_found]
    shown = [outcome for outcome in found if outcome.stretch <= SEARCH.max_stretch]
    print(f"10 degrees and more: recall {np.mean([o.is_found for o in tall]):.3f} of {len(tall)}")
    print(f"found twice {sum(outcome.n_more for outcome in found)} of {len(found)}")
    print(f"too wide for a view: {len(found) - len(shown)}")
    print(f"largest stretch {max(outcome.stretch for outcome in shown):.3f}")
    for outcome in shown:
        if outcome.cut_share > _CUT:
            print(f"cut: {outcome.cut_share:.1%} of {outcome.placed}")


def _hits(outcomes: Sequence[Outcome]) -> str:
    return f"{sum(o.is_found for o in outcomes)}/{len(outcomes)}" if outcomes else "-"


def _from_bus() -> list[CutOut]:
    """Return two people of a photo that comes with ultralytics, with what is around them."""
    package = find_spec("ultralytics")
    assert package is not None
    assert package.origin is not None
    photo = read_rgb(Path(package.origin).parent / "assets" / "bus.jpg")
    cut = [photo[part] for part in _PEOPLE]
    return [CutOut("bus.jpg", person, np.ones(person.shape[:2], np.float32)) for person in cut]


def sphere_of(file: Path) -> Rgb:
    """Return a photo's sphere, or that of an early frame of a video; of one eye."""
    found = probe(file, str(file), DownloadRecipe(), settings())
    if found.kind == "image":
        return eye_of(read_rgb(file), found.projection)
    with av.open(str(file)) as container:
        *_, frame = islice(container.decode(video=0), _INTO_VIDEO)
        return eye_of(frame.to_ndarray(format="rgb24").astype(np.uint8), found.projection)


def _backgrounds(files: Sequence[Path]) -> list[Rgb]:
    pictures = [sphere_of(file) for file in files] or [sphere(SPHERE_WH, 4.0)]
    return [
        np.asarray(cv2.resize(picture, SPHERE_WH, interpolation=cv2.INTER_AREA))
        for picture in pictures
    ]


if __name__ == "__main__":
    main()
