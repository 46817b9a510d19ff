"""How far a mask may be trusted: the network's own doubt, and a second model's word."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from tasks.filter.rules import mask_agreement, mask_certainty
from tests.filter.builders import FRAME_WH, Picture, make_pose, make_subject, mask_of, value_of
from tests.filter.pictures import out_of_focus

Cut = tuple[int, int, int, int]
BODY: Cut = (100, 50, 200, 250)
WHOLE: Cut = (0, 0, 400, 300)
LEFT_HALF: Cut = (100, 50, 150, 250)


def constant(code: int) -> Picture:
    return np.full(FRAME_WH[::-1], code, np.uint8)


def certainty(root: Path, mask: Picture, alpha: Picture) -> float | None:
    return mask_certainty.measure(make_subject(root, mask=mask, alpha=alpha))


@pytest.mark.parametrize("code", [0, 128, 255])
def test_of_an_empty_mask_no_outline_is_certain(tmp_path: Path, code: int) -> None:
    assert certainty(tmp_path, mask_of(), constant(code)) is None


@pytest.mark.parametrize("mask", [mask_of(WHOLE), mask_of(BODY), mask_of((9, 9, 10, 10))])
@pytest.mark.parametrize(
    ("code", "sure"),
    [
        pytest.param(0, 1.0, id="sure of nobody"),
        pytest.param(255, 1.0, id="sure of everything"),
        pytest.param(128, 0.0, id="half and half everywhere"),
        pytest.param(51, 1.0, id="the last that is decided against"),
        pytest.param(52, 0.0, id="the first that is not"),
        pytest.param(203, 0.0, id="the last undecided"),
        pytest.param(204, 1.0, id="the first that is decided for"),
    ],
)
def test_a_constant_alpha_is_wholly_sure_or_not_at_all(
    tmp_path: Path, mask: Picture, code: int, sure: float
) -> None:
    assert certainty(tmp_path, mask, constant(code)) == sure


def test_an_alpha_as_crisp_as_the_mask_is_wholly_sure(tmp_path: Path) -> None:
    mask = mask_of(BODY)
    assert certainty(tmp_path, mask, mask * 255) == 1.0


def test_of_a_mask_that_fills_the_picture_the_undecided_share_is_taken(tmp_path: Path) -> None:
    alpha = constant(255)
    alpha[:75] = 128
    assert certainty(tmp_path, mask_of(WHOLE), alpha) == 0.75


def test_undecided_pixels_are_held_against_the_band_along_the_outline(tmp_path: Path) -> None:
    # A belt across the picture: 2 % of the root of 400 x 150 are 5 px to either side of each edge.
    mask, alpha = mask_of((0, 100, 400, 250)), mask_of((0, 100, 400, 250)) * 255
    alpha[100:101] = alpha[249:250] = 128
    assert certainty(tmp_path, mask, alpha) == 1 - (2 * 400) / (2 * 10 * 400)


def test_a_softer_outline_is_less_sure(tmp_path: Path) -> None:
    mask = mask_of(BODY)
    alphas = [out_of_focus(mask * 255, sigma) for sigma in (0.5, 1, 2, 4, 8)]
    subjects = [make_subject(tmp_path / f"{n}", mask=mask, alpha=a) for n, a in enumerate(alphas)]
    values = [value_of(mask_certainty.RULE, subject) for subject in subjects]
    assert values == sorted(values, reverse=True)
    assert values[0] > 0.6
    assert values[-1] == 0.0


def test_a_grey_area_beside_the_person_takes_the_certainty_away(tmp_path: Path) -> None:
    alpha = mask_of(BODY) * 255
    alpha[50:250, 250:350] = 128
    assert certainty(tmp_path, mask_of(BODY), alpha) == 0.0


def test_without_a_second_opinion_there_is_no_agreement(tmp_path: Path) -> None:
    mask = mask_of(BODY)
    assert mask_agreement.measure(make_subject(tmp_path, mask=mask)) is None
    pose = make_pose(tmp_path)
    assert mask_agreement.measure(make_subject(tmp_path, mask=mask, pose=pose)) is None


OPINIONS = [
    pytest.param(mask_of() * 255, 0.0, id="nobody"),
    pytest.param(mask_of(BODY) * 255, 1.0, id="the same"),
    pytest.param(mask_of(LEFT_HALF) * 255, 0.5, id="half of it"),
    pytest.param(mask_of((150, 50, 250, 250)) * 255, 1 / 3, id="as much beside it"),
    pytest.param(mask_of((200, 50, 300, 250)) * 255, 0.0, id="another person"),
    pytest.param(mask_of(WHOLE) * 255, 20_000 / 120_000, id="everything"),
    pytest.param(mask_of(BODY) * 128, 1.0, id="just person"),
    pytest.param(mask_of(BODY) * 127, 0.0, id="just not person"),
]


@pytest.mark.parametrize(("opinion", "agreement"), OPINIONS)
def test_a_second_matting_model_agrees_by_intersection_over_union(
    tmp_path: Path, opinion: Picture, agreement: float
) -> None:
    subject = make_subject(tmp_path, mask=mask_of(BODY), second_alpha=opinion)
    assert mask_agreement.measure(subject) == agreement


@pytest.mark.parametrize(("opinion", "agreement"), OPINIONS)
def test_a_pose_models_mask_agrees_by_intersection_over_union(
    tmp_path: Path, opinion: Picture, agreement: float
) -> None:
    pose = make_pose(tmp_path, mask=opinion)
    subject = make_subject(tmp_path, mask=mask_of(BODY), pose=pose)
    assert mask_agreement.measure(subject) == agreement


def test_a_pose_models_small_mask_is_spread_over_the_crop(tmp_path: Path) -> None:
    small = cv2.resize(mask_of(BODY) * 255, (100, 75), interpolation=cv2.INTER_AREA)
    pose = make_pose(tmp_path, mask=np.asarray(small, np.uint8))
    subject = make_subject(tmp_path, mask=mask_of(BODY), pose=pose)
    assert mask_agreement.measure(subject) == pytest.approx(1.0, abs=0.03)


def test_a_matting_models_word_goes_before_the_pose_models(tmp_path: Path) -> None:
    pose = make_pose(tmp_path, mask=mask_of() * 255)
    mask = mask_of(BODY)
    subject = make_subject(tmp_path, mask=mask, second_alpha=mask * 255, pose=pose)
    assert mask_agreement.measure(subject) == 1.0


def test_models_need_agree_on_what_would_be_published_only(tmp_path: Path) -> None:
    opinion = mask_of(BODY, (300, 50, 400, 250)) * 255
    subject = make_subject(
        tmp_path, mask=mask_of(BODY), tight=(90, 40, 210, 260), second_alpha=opinion
    )
    assert mask_agreement.measure(subject) == 1.0
