"""Flat views out of a sphere: where their px lie, what they stretch, drawing one, and the way back.

The formulas are those of the gnomonic and the central cylindrical projection (Snyder, Map
Projections: A Working Manual, USGS 1987, chapters 22 and, turned by 90 degrees, its transverse).
"""

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.common.media.images import Mask, Rgb
from tasks.common.schema.boxes import Box
from tasks.common.schema.views import View, ViewKind
from tasks.common.sphere.directions import (
    Array,
    directions_of_px,
    level_axes,
    sphere_px,
)

_BEHIND = 1e-6  # what lies beside or behind a camera has no place in a rectilinear view


def focal_px(view: View, width_px: int) -> float:
    """Return px per radian at the axis of a view of this width."""
    half = np.radians(view.fov_deg) / 2
    return width_px / 2 / float(half if view.kind == "cylindrical" else np.tan(half))


def fov_deg(kind: ViewKind, width_px: float, focal: float) -> float:
    """Return the horizontal field of view of a view with px per radian at its axis."""
    half = width_px / 2 / focal
    return float(np.degrees(2 * (half if kind == "cylindrical" else np.arctan(half))))


def rays_of(kind: ViewKind, xs: Array, ys: Array) -> Array:
    """Return vectors (..., 3) of the camera for places, in focal lengths right of and above it."""
    one = np.ones_like(xs)
    if kind == "rectilinear":
        return np.stack([xs, ys, one], axis=-1)
    if kind == "cylindrical":
        return np.stack([np.sin(xs), ys, np.cos(xs)], axis=-1)
    return np.stack([xs, np.sin(ys), np.cos(ys)], axis=-1)


def places_of(kind: ViewKind, rays: Array) -> tuple[Array, Array]:
    """Return the places of vectors of the camera, the inverse of `rays_of`; NaN where none is."""
    x, y, z = np.moveaxis(rays, -1, 0)
    if kind == "rectilinear":
        z = np.where(z > _BEHIND * np.linalg.norm(rays, axis=-1), z, np.nan)
        return x / z, y / z
    if kind == "cylindrical":
        return np.arctan2(x, z), y / np.hypot(x, z)
    return x / np.hypot(y, z), np.arctan2(y, z)


def stretch(kind: ViewKind, xs: Array, ys: Array) -> Array:
    """Return the ratio of the larger local scale of a view to the smaller one at places.

    1 / cos of the angle off the axis, or off the circle along which a cylinder touches the sphere.
    """
    squares = {"rectilinear": xs**2 + ys**2, "cylindrical": ys**2, "transverse": xs**2}
    return np.sqrt(1 + squares[kind])


def box_stretch(view: View, size_wh: tuple[int, int], box: Box, n: int = 9) -> Array:
    """Return the stretch on a grid of `n` by `n` points of a box, in px of the view."""
    focal = focal_px(view, size_wh[0])
    xs = (np.linspace(box.x0, box.x1, n) - size_wh[0] / 2) / focal
    ys = (size_wh[1] / 2 - np.linspace(box.y0, box.y1, n)) / focal
    return stretch(view.kind, *np.meshgrid(xs, ys))


def directions_in_view(view: View, size_wh: tuple[int, int], box: Box) -> Array:
    """Return the directions of all px of a box, whole px of a view of this size, (h, w, 3)."""
    focal = focal_px(view, size_wh[0])
    xs = (np.arange(box.x0, box.x1) + 0.5 - size_wh[0] / 2) / focal
    ys = (size_wh[1] / 2 - np.arange(box.y0, box.y1) - 0.5) / focal
    rays = rays_of(view.kind, *np.meshgrid(xs, ys))
    return rays @ level_axes(view.yaw_deg, view.pitch_deg).matrix


def px_in_view(view: View, size_wh: tuple[int, int], directions: Array) -> tuple[Array, Array]:
    """Return where directions lie in a view, counted from its corner; NaN for those behind it."""
    focal = focal_px(view, size_wh[0])
    rays = directions @ level_axes(view.yaw_deg, view.pitch_deg).matrix.T
    xs, ys = places_of(view.kind, rays)
    return xs * focal + size_wh[0] / 2, size_wh[1] / 2 - ys * focal


def draw(sphere: Rgb, directions: Array, *, fine: bool = True) -> Rgb:
    """Return the colours of an equirectangular picture in directions (h, w, 3).

    `fine` keeps edges crisp at the sphere's own resolution; it costs a few times as much.
    """
    height, width = sphere.shape[:2]
    xs, ys = sphere_px(directions, (width, height))
    return sample(sphere, xs.astype(np.float32), ys.astype(np.float32), fine=fine)


def sample(sphere: Rgb, xs: NDArray[np.float32], ys: NDArray[np.float32], *, fine: bool) -> Rgb:
    """Return colours at places of an equirectangular picture, across its border where need be."""
    height = sphere.shape[0]
    interpolation = cv2.INTER_CUBIC if fine else cv2.INTER_LINEAR
    # Beyond the first and last row lies the pole; wrapping there would take the other pole's px.
    rows = np.clip(ys, 0, height - 1)
    drawn = cv2.remap(sphere, xs, rows, interpolation, borderMode=cv2.BORDER_WRAP)
    return cast(Rgb, drawn)


def to_sphere(
    mask: Mask, view: View, view_wh: tuple[int, int], box: Box, sphere_wh: tuple[int, int]
) -> Mask:
    """Put a mask, cut at `box` (px of the view) out of a view, back into a sphere of this size.

    The result is uint8 (H, W), 0 outside the box; codes of the mask stay as they are.
    """
    directions = directions_of_px(sphere_wh)
    xs, ys = px_in_view(view, view_wh, directions)
    columns, rows = np.floor(xs - box.x0), np.floor(ys - box.y0)
    height, width = mask.shape
    with np.errstate(invalid="ignore"):
        inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    whole = np.zeros(inside.shape, np.uint8)
    whole[inside] = mask[rows[inside].astype(int), columns[inside].astype(int)]
    return whole
