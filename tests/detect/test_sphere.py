"""Geometry of views, merging by direction, and person-centred cuts."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.common.recipe.models import SphereRecipe
from tasks.common.schema.boxes import Box
from tasks.common.schema.views import View, ViewKind
from tasks.common.sphere.directions import (
    angles,
    direction,
    directions_of_px,
    level_axes,
    sphere_px,
)
from tasks.common.sphere.views import (
    box_stretch,
    directions_in_view,
    draw,
    fov_deg,
    places_of,
    px_in_view,
    rays_of,
    to_sphere,
)
from tasks.detect.sphere.cut import view_of
from tasks.detect.sphere.people import SpherePerson, merge
from tasks.detect.sphere.search import search_views, views_of
from tasks.detect.sphere.second_look import Cell, side_by_side
from tests.spheres import directions_of, sphere, texture_at

KINDS: tuple[ViewKind, ...] = ("rectilinear", "cylindrical", "transverse")
WHOLE = Box(0, 0, 200, 100)


def person(
    yaw: float, pitch: float, width: float, height: float, sure: float = 0.9
) -> SpherePerson:
    """Return a person whose box is so many degrees wide and high around a direction."""
    places = [
        *((share * width, height / 2) for share in (-0.25, 0, 0.25)),
        *((share * width, -height / 2) for share in (-0.25, 0, 0.25)),
        *((-width / 2, share * height) for share in (-0.25, 0, 0.25)),
        *((width / 2, share * height) for share in (-0.25, 0, 0.25)),
    ]
    axes = level_axes(yaw, pitch).matrix
    rays = []
    for across, up in places:
        angle = math.radians(math.hypot(across, up))
        far = math.hypot(across, up)
        x, y = math.sin(angle) * across / far, math.sin(angle) * up / far
        rays.append([x, y, math.cos(angle)])
    return SpherePerson(np.array(rays) @ axes, sure)


@given(st.floats(-179.9, 179.9), st.floats(-89, 89))
def test_angles_and_directions_are_inverse(yaw: float, pitch: float) -> None:
    assert [float(angle) for angle in angles(direction(yaw, pitch))] == pytest.approx([yaw, pitch])


def test_the_middle_of_a_sphere_is_ahead_and_its_quarter_to_the_right() -> None:
    xs, ys = sphere_px(np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]]), (360, 180))
    assert xs[:2] == pytest.approx([179.5, 269.5])
    assert ys == pytest.approx([89.5, 89.5, -0.5])
    assert directions_of_px((40, 20)) == pytest.approx(directions_of((40, 20)))


@pytest.mark.parametrize("kind", KINDS)
@given(st.floats(-0.9, 0.9), st.floats(-0.9, 0.9))
def test_places_and_rays_are_inverse(kind: ViewKind, x: float, y: float) -> None:
    places = places_of(kind, rays_of(kind, np.array(x), np.array(y)))
    assert [float(place) for place in places] == pytest.approx([x, y], abs=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@given(st.floats(-180, 180), st.floats(-90, 90), st.floats(20, 100))
def test_px_of_a_view_and_directions_are_inverse(
    kind: ViewKind, yaw: float, pitch: float, fov: float
) -> None:
    view = View(kind, yaw, pitch, fov)
    xs, ys = px_in_view(view, (200, 100), directions_in_view(view, (200, 100), WHOLE))
    assert xs[0] == pytest.approx(np.arange(200) + 0.5, abs=1e-6)
    assert ys[:, 0] == pytest.approx(np.arange(100) + 0.5, abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_the_stretch_is_that_of_the_projection_itself(kind: ViewKind) -> None:
    """Against the singular values of the map from angles to px, by finite differences."""
    view, size, at, step = View(kind, 30, -20, 90), (200, 100), Box(170, 20, 170, 20), 1e-4
    half = step / 2
    moves = [Box(170 + dx, 20 + dy, 171 + dx, 21 + dy) for dx, dy in
             ((half, 0), (-half, 0), (0, half), (0, -half))]  # fmt: skip
    # `directions_in_view` gives centres of px: half a px before the corner.
    rays = [directions_in_view(view, size, move.shift(-0.5, -0.5))[0, 0] for move in moves]
    unit = [ray / np.linalg.norm(ray) for ray in rays]
    jacobian = np.stack([(unit[0] - unit[1]) / step, (unit[2] - unit[3]) / step], axis=1)
    large, small = np.linalg.svd(jacobian, compute_uv=False)
    assert float(box_stretch(view, size, at, n=1)[0, 0]) == pytest.approx(large / small, rel=1e-3)


@pytest.mark.parametrize(("yaw", "pitch"), [(0, 0), (179, 10), (-180, -45), (40, 85), (0, -90)])
@pytest.mark.parametrize("kind", KINDS)
def test_a_view_shows_what_lies_in_its_directions(kind: ViewKind, yaw: float, pitch: float) -> None:
    picture = sphere((1440, 720), detail=4.0)
    directions = directions_in_view(View(kind, yaw, pitch, 60), (200, 100), WHOLE)
    unit = directions / np.linalg.norm(directions, axis=-1, keepdims=True)
    drawn = draw(picture, directions).astype(int)
    assert np.abs(drawn - texture_at(unit, 4.0)).mean() < 2.0


@pytest.mark.parametrize(
    ("yaw", "pitch"), [(0.0, 0.0), (180.0, 20.0), (90.0, 60.0), (-100.0, -88.0)]
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_mask_comes_back_into_the_sphere(kind: ViewKind, yaw: float, pitch: float) -> None:
    sphere_wh = (1440, 720)
    cosine = directions_of(sphere_wh) @ direction(yaw, pitch)
    disc = (cosine > math.cos(math.radians(12))).astype(np.uint8)
    size = (2 * round(720 / math.pi), 2 * round(720 / math.pi / 1.2))
    view = View(kind, yaw, pitch, fov_deg(kind, size[0], 1440 / 2 / math.pi))
    whole, box = Box(0, 0, *size), Box(20, 10, size[0] - 20, size[1] - 30)
    flat = draw(np.repeat(disc[:, :, None] * 255, 3, axis=2), directions_in_view(view, size, whole))
    mask = (flat[box.slices][:, :, 0] > 127).astype(np.uint8)
    back = to_sphere(mask, view, size, box, sphere_wh)
    assert (back & disc).sum() / (back | disc).sum() > 0.98


def test_search_views_cover_the_horizon_evenly() -> None:
    views = search_views(SphereRecipe(), 640)
    assert len(views) == 2
    assert all(side % 32 == 0 for view in views for side in view.size_wh)
    assert np.diff([view.yaw for view in views]) == pytest.approx(math.pi)


@pytest.mark.parametrize("yaw", [0.0, 179.9, -179.9, 60.0])
@pytest.mark.parametrize("pitch", [0.0, 45.0, 80.0, -89.0])
def test_a_person_whom_two_views_show_is_one(yaw: float, pitch: float) -> None:
    seen = [person(yaw, pitch, 8, 20), person(yaw + 0.4, pitch, 8.5, 20.5, 0.7)]
    assert merge(seen) == [seen[0]]
    apart = [person(yaw, pitch, 8, 20), person(yaw, pitch - 25, 8, 20)]
    assert len(merge(apart)) == 2


def test_a_part_that_a_border_cuts_gives_way_to_the_whole_person() -> None:
    whole, part = person(10, 0, 10, 20, 0.5), person(8, 0, 5, 20, 0.9)._replace(is_cut=True)
    assert merge([part, whole]) == [whole]


def test_two_people_side_by_side_whom_a_border_cuts_are_two() -> None:
    seen = [person(yaw, -50, 12, 20)._replace(is_cut=True) for yaw in (10.0, 20.0)]
    assert len(merge(seen)) == 2


@pytest.mark.parametrize("yaw", [0.0, 180.0, -70.0])
@pytest.mark.parametrize("pitch", [0.0, 45.0, -80.0])
def test_a_cell_shows_its_person_in_the_middle_and_gives_their_directions_back(
    yaw: float, pitch: float
) -> None:
    someone = person(yaw, pitch, 8, 20)
    cell = Cell.of(someone, 160)
    again = cell.person(Box(60, 30, 100, 130), 0.7)
    # 20 degrees times 1.4, and 2 more, are 160 px.
    assert again.extent_deg[1] == pytest.approx(100 / 160 * 30, rel=0.03)
    assert float(again.centre @ someone.centre) == pytest.approx(1, abs=1e-3)
    assert not again.is_cut
    assert cell.person(Box(60, 30, 100, 159), 0.7).is_cut


def test_a_cell_is_drawn_out_of_its_directions() -> None:
    cell = Cell.of(person(175, 30, 8, 20), 64)
    xs, ys = np.meshgrid(np.arange(64) + 0.5, np.arange(64) + 0.5)
    drawn = cell.draw(sphere((1440, 720), detail=4.0)).astype(int)
    assert np.abs(drawn - texture_at(cell.directions(xs, ys), 4.0)).mean() < 2.0


def test_cells_lie_side_by_side_in_an_input_as_wide_as_the_detectors() -> None:
    cells = [np.full((8, 8, 3), number, np.uint8) for number in range(5)]
    whole = side_by_side(cells)
    assert whole.shape == (16, 32, 3)
    assert whole[0, ::8, 0].tolist() == [0, 1, 2, 3]
    assert whole[8, 0, 0] == 4


def test_people_are_looked_for_where_they_were() -> None:
    assert views_of([], SphereRecipe(), 640) == set()
    middle = math.degrees(search_views(SphereRecipe(views=6, view_deg=90), 640)[2].yaw)
    assert views_of([person(middle, 0, 5, 10)], SphereRecipe(views=6, view_deg=90), 640) == {2}


@pytest.mark.parametrize(
    ("width", "height", "kind"),
    [
        pytest.param(10, 20, "rectilinear", id="usual"),
        pytest.param(16, 40, "rectilinear", id="40 degrees high"),
        pytest.param(20, 60, "transverse", id="tall"),
        pytest.param(60, 20, "cylindrical", id="lying"),
    ],
)
@pytest.mark.parametrize(("yaw", "pitch"), [(0, 0), (180, 0), (-179, 45), (90, -45)])
def test_the_view_of_a_person_stretches_them_within_the_bound(
    width: float, height: float, kind: str, yaw: float, pitch: float
) -> None:
    recipe = SphereRecipe()
    someone = person(yaw, pitch, width, height)
    placed = view_of(someone, [someone], 2880, 0.2, recipe)
    assert placed.view.kind == kind
    assert placed.stretch <= recipe.max_stretch
    assert float(box_stretch(placed.view, placed.size_wh, placed.person).max()) <= 1.101
    assert placed.crop.x0 > 0
    assert placed.crop.y0 > 0
    assert placed.crop.x1 < placed.size_wh[0]
    assert placed.crop.y1 < placed.size_wh[1]
    # Px per degree of the source, 2880 / 360.
    assert placed.person.height / height == pytest.approx(8, rel=0.06)


def test_a_person_who_is_wide_and_tall_fits_no_view() -> None:
    someone = person(0, 0, 80, 80)
    assert view_of(someone, [], 2880, 0.2, SphereRecipe()).stretch > 1.2


def test_the_other_people_of_a_view_stand_where_they_are() -> None:
    one, other, behind = person(0, 0, 8, 20), person(12, 0, 8, 20), person(180, 0, 8, 20)
    placed = view_of(one, [one, other, behind], 3600, 0.2, SphereRecipe())
    (box,) = placed.others
    assert (box.x0 + box.x1) / 2 - placed.size_wh[0] / 2 == pytest.approx(120, rel=0.03)
