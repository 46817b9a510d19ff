"""Rules on what the pose model sees of a body, from hand-made keypoints."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.filter.rule import Rule
from tasks.filter.rules import body_visible, keypoints_in_mask, occlusion, upper_body_visible
from tests.filter.builders import N_POINTS, Corners, make_pose, make_subject, mask_of, value_of

# Of COCO's keypoints.
NOSE, HEAD, SHOULDERS, ARMS = [0], range(5), range(5, 7), range(7, 11)
HIPS, KNEES, ANKLES = range(11, 13), range(13, 15), range(15, 17)


def seeing(*parts: range | list[int], otherwise: float = 0.0, surely: float = 1.0) -> list[float]:
    chosen = {point for part in parts for point in part}
    return [surely if point in chosen else otherwise for point in range(N_POINTS)]


ALL = seeing(otherwise=1.0)
NONE = seeing()


@pytest.mark.parametrize(
    ("seen", "whole", "upper"),
    [
        pytest.param(NONE, 0.0, 0.0, id="nothing"),
        pytest.param(ALL, 1.0, 1.0, id="everything"),
        pytest.param([0.25] * N_POINTS, 0.25, 0.25, id="everything a little"),
        pytest.param(seeing(NOSE, otherwise=0.0), 0.0, 0.0, id="a nose"),
        pytest.param(seeing(HEAD, surely=0.0, otherwise=1.0), 0.0, 0.0, id="no head"),
        pytest.param(seeing(SHOULDERS, surely=0.0, otherwise=1.0), 0.0, 0.0, id="no shoulders"),
        pytest.param(seeing(HIPS, surely=0.0, otherwise=1.0), 0.0, 0.0, id="no hips"),
        pytest.param(seeing(KNEES, surely=0.0, otherwise=1.0), 0.0, 1.0, id="no knees"),
        pytest.param(seeing(ANKLES, surely=0.0, otherwise=1.0), 0.0, 1.0, id="no ankles"),
        pytest.param(seeing(ARMS, surely=0.0, otherwise=1.0), 1.0, 1.0, id="no arms"),
        pytest.param(seeing([15], surely=0.0, otherwise=1.0), 0.5, 1.0, id="one ankle of two"),
        pytest.param(seeing([0, 1, 2, 3], surely=0.0, otherwise=1.0), 0.2, 0.2, id="one ear"),
        pytest.param(
            seeing(KNEES, ANKLES, surely=0.5, otherwise=0.75), 0.5, 0.75, id="legs less surely"
        ),
    ],
)
def test_a_body_is_seen_as_surely_as_its_least_visible_part(
    tmp_path: Path, seen: list[float], whole: float, upper: float
) -> None:
    subject = make_subject(tmp_path, pose=make_pose(tmp_path, seen=seen))
    assert body_visible.measure(subject) == pytest.approx(whole)
    assert upper_body_visible.measure(subject) == pytest.approx(upper)


HIDDEN_LEGS = seeing(KNEES, ANKLES, surely=0.1, otherwise=0.9)
HIDDEN_HEAD = seeing(HEAD, surely=0.2, otherwise=0.9)


@pytest.mark.parametrize(
    ("person", "seen", "hidden"),
    [
        pytest.param((100, 50, 200, 250), ALL, 0.0, id="everything is seen"),
        pytest.param((100, 50, 200, 250), HIDDEN_LEGS, 0.9, id="legs behind a car"),
        pytest.param((100, 90, 200, 290), HIDDEN_LEGS, 0.1, id="legs below the frame"),
        pytest.param((100, 50, 200, 250), HIDDEN_HEAD, 0.8, id="a head behind a sign"),
        pytest.param((100, 0, 200, 200), HIDDEN_HEAD, 0.1, id="a head above the frame"),
        pytest.param((100, 0, 200, 300), HIDDEN_HEAD, None, id="the frame cuts both"),
    ],
)
def test_a_part_is_hidden_where_the_frame_has_room_for_it(
    tmp_path: Path, person: Corners, seen: list[float], hidden: float | None
) -> None:
    subject = make_subject(tmp_path, person=person, pose=make_pose(tmp_path, seen=seen))
    found = occlusion.measure(subject)
    assert found == (None if hidden is None else pytest.approx(hidden))


@pytest.mark.parametrize("rule", [body_visible.RULE, upper_body_visible.RULE, occlusion.RULE])
def test_without_a_pose_model_nothing_is_said_of_the_body(tmp_path: Path, rule: Rule) -> None:
    assert rule.measure is not None
    assert rule.measure(make_subject(tmp_path)) is None


@given(seen=st.lists(st.floats(0, 1), min_size=N_POINTS, max_size=N_POINTS))
def test_the_whole_body_is_never_seen_more_surely_than_its_upper_half(
    tmp_path_factory: pytest.TempPathFactory, seen: list[float]
) -> None:
    root = tmp_path_factory.mktemp("subject")
    subject = make_subject(root, pose=make_pose(root, seen=seen))
    whole = value_of(body_visible.RULE, subject)
    upper = value_of(upper_body_visible.RULE, subject)
    assert 0.0 <= whole <= upper <= 1.0


def joints_measured(
    tmp_path: Path, points: list[tuple[float, float]], seen: list[float] | None = None
) -> float | None:
    """Hold joints against a mask of x 100..199 and y 50..249 of a person 200 px tall."""
    pose = make_pose(tmp_path, points=points, seen=seen)
    mask = mask_of((100, 50, 200, 250))
    return keypoints_in_mask.measure(make_subject(tmp_path, mask=mask, pose=pose))


INSIDE, OUTSIDE = (150.0, 150.0), (20.0, 20.0)


@pytest.mark.parametrize(
    ("points", "seen", "share"),
    [
        pytest.param([INSIDE] * 17, NONE, None, id="none is seen"),
        pytest.param([INSIDE] * 17, [0.49] * 17, None, id="none surely"),
        pytest.param([INSIDE] * 17, ALL, 1.0, id="all inside"),
        pytest.param([OUTSIDE] * 17, ALL, 0.0, id="all outside"),
        pytest.param([INSIDE] * 9 + [OUTSIDE] * 8, ALL, 9 / 17, id="some"),
        pytest.param([INSIDE, *[OUTSIDE] * 16], seeing(NOSE), 1.0, id="unseen ones do not count"),
        pytest.param([OUTSIDE, *[INSIDE] * 16], seeing(NOSE, surely=0.5), 0.0, id="half is seen"),
        pytest.param([(205.9, 150.0)] * 17, ALL, 1.0, id="3 % of the height beside it"),
        pytest.param([(206.0, 150.0)] * 17, ALL, 0.0, id="a px more than that"),
        pytest.param([(150.0, 255.9)] * 17, ALL, 1.0, id="3 % below it"),
        pytest.param([(150.0, 256.0)] * 17, ALL, 0.0, id="a px more below it"),
        pytest.param([(400.0, 300.0)] * 17, ALL, 0.0, id="beyond the picture"),
    ],
)
def test_keypoints_in_mask_is_the_share_of_the_joints_that_it_covers(
    tmp_path: Path, points: list[tuple[float, float]], seen: list[float], share: float | None
) -> None:
    assert joints_measured(tmp_path, points, seen) == (None if share is None else share)


def test_without_a_pose_model_no_joint_is_held_against_the_mask(tmp_path: Path) -> None:
    assert keypoints_in_mask.measure(make_subject(tmp_path, mask=mask_of((0, 0, 9, 9)))) is None


def test_an_empty_mask_covers_no_joint(tmp_path: Path) -> None:
    pose = make_pose(tmp_path, points=[INSIDE] * 17)
    assert keypoints_in_mask.measure(make_subject(tmp_path, mask=mask_of(), pose=pose)) == 0.0
