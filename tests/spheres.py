"""Drawn spheres: textures that are functions of the direction, so that they have no border."""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from tasks.common.media.images import Rgb
from tasks.common.sphere.directions import level_axes

_WAVES = 40
_SEED = 17


def directions_of(size_wh: tuple[int, int]) -> NDArray[np.float64]:
    """Return the unit vector of each px of an equirectangular picture, (H, W, 3): x right at yaw
    +90, y up, z ahead."""
    width, height = size_wh
    yaw = ((np.arange(width) + 0.5) / width - 0.5) * 2 * np.pi
    pitch = (0.5 - (np.arange(height) + 0.5) / height) * np.pi
    yaws, pitches = np.meshgrid(yaw, pitch)
    return np.stack(
        [np.cos(pitches) * np.sin(yaws), np.sin(pitches), np.cos(pitches) * np.cos(yaws)], axis=-1
    )


def texture_at(directions: NDArray[np.float64], detail: float = 12.0) -> Rgb:
    """Return the colours of a sphere's texture at unit vectors (..., 3)."""
    waves, phases = _waves(detail)
    values = np.sin(directions @ waves + phases)
    colours = np.stack([values[..., channel::3].mean(axis=-1) for channel in range(3)], axis=-1)
    # A brighter sky: real columns have a slope, too.
    shaded = 128 + 190 * colours + 60 * directions[..., 1:2]
    return np.clip(shaded, 0, 255).astype(np.uint8)


@cache
def _waves(detail: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    random = np.random.default_rng(_SEED)
    return random.normal(0, detail, (3, 3 * _WAVES)), random.uniform(0, 2 * np.pi, 3 * _WAVES)


@cache  # seconds each, and the same for many tests
def sphere(size_wh: tuple[int, int] = (320, 160), detail: float = 12.0) -> Rgb:
    """Return an equirectangular picture of a texture, which cannot be changed."""
    picture = texture_at(directions_of(size_wh), detail)
    picture.setflags(write=False)
    return picture


def flat(size_wh: tuple[int, int] = (320, 160)) -> Rgb:
    """Return a picture of a plane with a texture, as a camera with a usual lens would take it."""
    width, height = size_wh
    xs, ys = np.meshgrid(np.linspace(-0.8, 0.8, width), np.linspace(-0.4, 0.4, height))
    rays = np.stack([xs, -ys, np.ones_like(xs)], axis=-1)
    return texture_at(rays / np.linalg.norm(rays, axis=-1, keepdims=True))


def disc(side_px: int = 160, turn: float = 0.0) -> Rgb:
    """Return the picture of a fisheye lens of 180 degrees: a bright disc on black."""
    ys, xs = (np.mgrid[:side_px, :side_px] + 0.5) / side_px * 2 - 1
    radius = np.hypot(xs, ys)
    angle = radius * np.pi / 2
    scale = np.sin(angle) / np.maximum(radius, 1e-9)
    rays = np.stack([xs * scale, -ys * scale, np.cos(angle)], axis=-1)
    rays[..., [0, 2]] = rays[..., [0, 2]] @ np.array(
        [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    )
    colours = np.maximum(texture_at(rays), 60)
    return np.where(radius[..., None] <= 1, colours, 4).astype(np.uint8)


def discs(side_px: int = 160) -> Rgb:
    """Return the two pictures of a camera with two lenses, side by side."""
    return np.hstack([disc(side_px), disc(side_px, np.pi)])


def cubemap(side_px: int = 96) -> Rgb:
    """Return six faces in two rows of three: right, left, up; down, front, back."""
    faces = [("x", 1), ("x", -1), ("y", 1), ("y", -1), ("z", 1), ("z", -1)]
    drawn = [_face(axis, sign, side_px) for axis, sign in faces]
    return np.vstack([np.hstack(drawn[:3]), np.hstack(drawn[3:])])


def _face(axis: str, sign: int, side_px: int) -> Rgb:
    ys, xs = (np.mgrid[:side_px, :side_px] + 0.5) / side_px * 2 - 1
    one = np.full_like(xs, float(sign))
    rays = {"x": (one, -ys, -sign * xs), "y": (xs, one, sign * ys), "z": (sign * xs, -ys, one)}
    stacked = np.stack(rays[axis], axis=-1)
    return texture_at(stacked / np.linalg.norm(stacked, axis=-1, keepdims=True))


def put_person(
    sphere: Rgb,
    person: Rgb,
    yaw_deg: float,
    pitch_deg: float,
    height_deg: float,
    alpha: NDArray[np.float32] | None = None,
) -> tuple[Rgb, NDArray[np.float32]]:
    """Return a sphere with an upright picture of a person, as a plane that faces the camera.

    The middle of the picture lies in the direction of the angles; its upper and lower edge are
    `height_deg` apart as seen from the camera. `alpha` is how much of the picture is person, (H, W)
    in 0..1; None: all. Returned with how much of each px of the sphere is.
    """
    size_wh = (sphere.shape[1], sphere.shape[0])
    across, down = _places_on_plane(size_wh, yaw_deg, pitch_deg, height_deg, person)
    opaque = np.ones(person.shape[:2], np.float32) if alpha is None else alpha
    # Shrunk first, or a small person in the sphere would be noise.
    scale = min(1.0, 1.5 * height_deg / 180 * size_wh[1] / person.shape[0])
    small_wh = (max(2, round(person.shape[1] * scale)), max(2, round(person.shape[0] * scale)))
    layers = np.dstack([person * opaque[..., None], opaque]).astype(np.float32)
    shrunk = cv2.resize(layers, small_wh, interpolation=cv2.INTER_AREA) if scale < 1 else layers
    xs = ((across + 0.5) * shrunk.shape[1] / person.shape[1] - 0.5).astype(np.float32)
    ys = ((down + 0.5) * shrunk.shape[0] / person.shape[0] - 0.5).astype(np.float32)
    drawn = cv2.remap(shrunk, xs, ys, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    share = drawn[..., 3]
    mixed = drawn[..., :3] + (1 - share[..., None]) * sphere
    return np.rint(mixed).astype(np.uint8), share.astype(np.float32)


def _places_on_plane(
    size_wh: tuple[int, int], yaw_deg: float, pitch_deg: float, height_deg: float, person: Rgb
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where each px of a sphere lies in the person's picture; far outside behind it."""
    rays = directions_of(size_wh) @ level_axes(yaw_deg, pitch_deg).matrix.T
    half = np.tan(np.radians(height_deg / 2))
    half_wide = half * person.shape[1] / person.shape[0]
    ahead = np.where(rays[..., 2] > 0.05, rays[..., 2], 1e-6)
    across = (np.clip(rays[..., 0] / ahead / half_wide, -9, 9) + 1) / 2 * person.shape[1] - 0.5
    down = (1 - np.clip(rays[..., 1] / ahead / half, -9, 9)) / 2 * person.shape[0] - 0.5
    return across, down
