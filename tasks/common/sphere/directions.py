"""Directions in a sphere: unit vectors, angles, and px of an equirectangular picture.

Vectors are (..., 3): x to the right of the sphere's middle, y to the zenith, z through the middle.
Yaw is the angle from the middle to the right, pitch the one upwards.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Axes(NamedTuple):
    """The axes of a level camera: unit vectors (3,) to its right, upwards, and ahead."""

    right: Array
    up: Array
    ahead: Array

    @property
    def matrix(self) -> Array:
        """The axes as rows; times a vector of the sphere, it gives one of the camera."""
        return np.stack(self)


def direction(yaw_deg: float, pitch_deg: float) -> Array:
    """Return the unit vector of two angles."""
    yaw, pitch = np.radians(yaw_deg), np.radians(pitch_deg)
    return np.array([np.cos(pitch) * np.sin(yaw), np.sin(pitch), np.cos(pitch) * np.cos(yaw)])


def angles(directions: Array) -> tuple[Array, Array]:
    """Return yaw, -180..180, and pitch, -90..90, in degrees, of vectors of any length."""
    x, y, z = np.moveaxis(directions, -1, 0)
    return np.degrees(np.arctan2(x, z)), np.degrees(np.arctan2(y, np.hypot(x, z)))


def level_axes(yaw_deg: float, pitch_deg: float) -> Axes:
    """Return the axes of a camera that looks there, its right side level with the horizon."""
    yaw, pitch = np.radians(yaw_deg), np.radians(pitch_deg)
    right = np.array([np.cos(yaw), 0.0, -np.sin(yaw)])
    up = np.array([-np.sin(pitch) * np.sin(yaw), np.cos(pitch), -np.sin(pitch) * np.cos(yaw)])
    return Axes(right, up, direction(yaw_deg, pitch_deg))


def axes_towards(vector: Array) -> Axes:
    """Return the axes of a level camera that looks along a vector."""
    yaw, pitch = angles(vector)
    return level_axes(float(yaw), float(pitch))


def sphere_px(directions: Array, size_wh: tuple[int, int]) -> tuple[Array, Array]:
    """Return where directions lie in an equirectangular picture; centres of px are whole numbers.

    x is -0.5 at the left border, which is the right one, too.
    """
    yaw, pitch = angles(directions)
    width, height = size_wh
    return (yaw / 360 + 0.5) * width - 0.5, (0.5 - pitch / 180) * height - 0.5


def directions_of_px(size_wh: tuple[int, int]) -> Array:
    """Return the unit vector of every px of an equirectangular picture, (H, W, 3)."""
    width, height = size_wh
    yaw = np.radians(((np.arange(width) + 0.5) / width - 0.5) * 360)
    pitch = np.radians((0.5 - (np.arange(height) + 0.5) / height) * 180)[:, None]
    around = np.ones_like(yaw) * np.cos(pitch)
    ys = np.broadcast_to(np.sin(pitch), around.shape)
    return np.stack([around * np.sin(yaw), ys, around * np.cos(yaw)], axis=-1)
