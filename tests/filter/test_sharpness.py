"""Sharpness: what a slight blur takes away, whatever the size, the light and the contrast."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from tasks.filter.rules import sharpness
from tasks.filter.subject import Subject
from tests.filter.builders import Corners, Picture, make_pose, make_subject, value_of
from tests.filter.pictures import out_of_focus


def coarse_noise(size: int) -> Picture:
    """Return noise in 24 x 24 plain squares."""
    squares = np.random.default_rng(3).integers(0, 255, (24, 24, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(squares, (size, size), interpolation=cv2.INTER_NEAREST), np.uint8)


def subject_of(root: Path, rgb: Picture, person: Corners | None = None) -> Subject:
    height, width = rgb.shape[:2]
    box = person or (0, 0, width, height)
    return make_subject(root, rgb=rgb, frame_wh=(width, height), person=box)


def sharpness_of(root: Path, rgb: Picture, person: Corners | None = None) -> float | None:
    return sharpness.measure(subject_of(root, rgb, person))


@pytest.mark.parametrize("level", [0, 90, 255], ids=["black", "grey", "white"])
def test_a_flat_picture_has_no_edges_to_judge(tmp_path: Path, level: int) -> None:
    assert sharpness_of(tmp_path, np.full((192, 192, 3), level, np.uint8)) is None


def test_noise_of_one_level_is_no_edge(tmp_path: Path) -> None:
    noise = np.random.default_rng(3).integers(90, 92, (192, 192, 3), dtype=np.uint8)
    assert sharpness_of(tmp_path, noise) is None


def test_the_finest_pattern_loses_everything_to_a_slight_blur(tmp_path: Path) -> None:
    fine = np.zeros((128, 128, 3), np.uint8)
    fine[::3] = 255
    assert sharpness_of(tmp_path, fine) == pytest.approx(1.0, abs=0.01)


def test_a_slow_change_loses_nothing(tmp_path: Path) -> None:
    ramp = np.linspace(0, 255, 128).astype(np.uint8)
    rgb = np.repeat(np.tile(ramp, (128, 1))[..., None], 3, axis=2)
    assert sharpness_of(tmp_path, rgb) == pytest.approx(0.0, abs=0.02)


def test_blur_lowers_sharpness_step_by_step(tmp_path: Path) -> None:
    picture = coarse_noise(384)
    blurred = [out_of_focus(picture, sigma) for sigma in (2, 4, 8, 16)]
    values = [value_of(sharpness.RULE, subject_of(tmp_path, rgb)) for rgb in (picture, *blurred)]
    assert values == sorted(values, reverse=True)
    assert values[0] > 4 * values[-1]


@pytest.mark.parametrize("size", [192, 768])
def test_sharpness_hardly_depends_on_resolution(tmp_path: Path, size: int) -> None:
    expected = sharpness_of(tmp_path, coarse_noise(384))
    assert sharpness_of(tmp_path, coarse_noise(size)) == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize(
    ("gain", "offset"),
    [pytest.param(0.5, 20, id="dim"), pytest.param(0.2, 200, id="bright and pale"),
     pytest.param(-1.0, 255, id="negative")],
)  # fmt: skip
def test_sharpness_does_not_depend_on_contrast_and_light(
    tmp_path: Path, gain: float, offset: float
) -> None:
    picture = coarse_noise(384)
    changed = np.rint(picture * gain + offset).astype(np.uint8)
    expected = sharpness_of(tmp_path, picture)
    assert sharpness_of(tmp_path, changed) == pytest.approx(expected, rel=0.02)


def test_a_crisp_wall_does_not_make_a_blurred_person_sharp(tmp_path: Path) -> None:
    wall = coarse_noise(384)
    soft = out_of_focus(wall, 8)
    wall[:, 96:288] = soft[:, 96:288]
    beside = sharpness_of(tmp_path, wall, person=(130, 10, 254, 374))
    assert beside == pytest.approx(sharpness_of(tmp_path, soft, person=(130, 10, 254, 374)))


def test_the_pose_models_mask_says_where_the_person_is(tmp_path: Path) -> None:
    rgb = coarse_noise(384)
    rgb[:, 192:] = out_of_focus(rgb, 8)[:, 192:]
    values = []
    for columns in (slice(40, 150), slice(234, 344)):
        mask = np.zeros((384, 384), np.uint8)
        mask[40:344, columns] = 255
        pose = make_pose(tmp_path, mask=mask)
        subject = make_subject(
            tmp_path, rgb=rgb, frame_wh=(384, 384), person=(0, 0, 384, 384), pose=pose
        )
        values.append(value_of(sharpness.RULE, subject))
    crisp, soft = values
    assert crisp == pytest.approx(sharpness_of(tmp_path, coarse_noise(384)), rel=0.1)
    assert soft < 0.6 * crisp
