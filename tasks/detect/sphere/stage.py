"""The people of the spheres of one source: each frame is searched, each person cut out flat."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tasks.common.errors import SourceError
from tasks.common.media.images import Rgb, read_rgb
from tasks.common.recipe.models import DetectRecipe, SphereRecipe
from tasks.common.records import Drop, Projection
from tasks.common.schema.rows import Frame
from tasks.common.settings import Settings
from tasks.common.workspace.artifacts import Workspace
from tasks.detect.sphere.cut import PersonView, view_of
from tasks.detect.sphere.people import SpherePerson
from tasks.detect.sphere.search import find_in_sphere, views_of

_SPHERES: frozenset[Projection] = frozenset(
    ("equirectangular", "stereo-top-bottom", "stereo-left-right")
)
_SPHERE, _SQUEEZED = 2.0, 0.2  # width over height, and how far off a squeezed one may be


class CutPerson(NamedTuple):
    """A person of a frame: their view, the pixels of the crop, and the detector's confidence."""

    placed: PersonView
    picture: Rgb
    confidence: float


class SphereFrame(NamedTuple):
    """What a frame holds: people who are cut out, and those whom no view shows well enough."""

    frame: Frame
    people: tuple[CutPerson, ...]
    too_wide: tuple[tuple[float, float], ...]  # height in degrees, and stretch of the best view


def are_spheres(frames: Sequence[Frame]) -> bool:
    """Say whether the frames of one source are spheres.

    Raises:
        SourceError: they were recorded by a program that did not recognise them surely.
    """
    if not frames:
        return False
    projection = frames[0].projection
    if projection == "unknown" or (
        projection == "equirectangular"
        and abs(frames[0].width_px / frames[0].height_px / _SPHERE - 1) > _SQUEEZED
    ):
        raise SourceError(
            "The source was downloaded by an older program, which did not look closely at its "
            "projection. Write the right one into the column `projection` of the source list: it "
            "is then downloaded again."
        )
    return projection in _SPHERES


def eye_of(picture: Rgb, projection: Projection) -> Rgb:
    """Return the sphere of one eye: the upper or left half of a stereo pair, else the picture."""
    height, width = picture.shape[:2]
    if projection == "stereo-top-bottom":
        return picture[: height // 2]
    return picture[:, : width // 2] if projection == "stereo-left-right" else picture


def people_of_spheres(
    frames: Sequence[Frame],
    workspace: Workspace,
    recipe: DetectRecipe,
    search: SphereRecipe,
    settings: Settings,
) -> Iterator[SphereFrame]:
    """Yield what each frame holds, in order.

    Every `search_every`-th frame is searched all around; frames between them only where people were
    in the one before.
    """
    people: list[SpherePerson] = []
    for number, frame in enumerate(frames):
        sphere = eye_of(read_rgb(workspace.path(frame.path)), frame.projection)
        only = None
        if number % search.search_every:
            only = views_of(people, search, recipe.input_px)
        people = find_in_sphere(sphere, recipe, search, settings, only)
        yield _cut(frame, sphere, people, recipe, search)


def _cut(
    frame: Frame,
    sphere: Rgb,
    people: Sequence[SpherePerson],
    recipe: DetectRecipe,
    search: SphereRecipe,
) -> SphereFrame:
    kept, too_wide = [], []
    for person in people:
        placed = view_of(person, people, sphere.shape[1], recipe.context, search)
        if placed.stretch > search.max_stretch:
            too_wide.append((person.extent_deg[1], placed.stretch))
        else:
            kept.append(CutPerson(placed, placed.draw(sphere), person.confidence))
    return SphereFrame(frame, tuple(kept), tuple(too_wide))


def drop_too_wide(frame_id: str, number: int, stretch: float, search: SphereRecipe) -> Drop:
    """Return the drop of a person whom every flat view would stretch too much."""
    return Drop(
        item=f"{frame_id}-wide{number:02d}",
        stage="detect",
        reason="too_wide_for_a_view",
        value=round(stretch, 4),
        bound=search.max_stretch,
        sentence=f"The person is so near that the best flat view stretches them {stretch:.2f} "
        f"times; the bound is {search.max_stretch:.2f} (sphere.max_stretch).",
    )
