"""Several opinions on one person become one alpha, and foreign parts leave the mask."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from numpy.typing import NDArray

from tasks.common.media.images import Alpha, Mask, Rgb
from tasks.common.schema.boxes import Box
from tasks.matte.fuse import Body, agreement, fuse, without_foreign_parts

PERSON = Box(20, 10, 60, 90)
GREY = np.full((100, 80, 3), 128, np.uint8)


def opinion(*boxes: tuple[int, int, int, int], sure: float = 0.95) -> Alpha:
    """Return an opinion that marks rectangles of an 80 x 100 crop as person."""
    alpha = np.full((100, 80), 1 - sure, np.float32)
    for x0, y0, x1, y1 in boxes:
        alpha[y0:y1, x0:x1] = sure
    return alpha


BODY, BUS = (25, 15, 55, 85), (60, 40, 78, 80)
RIGHT = opinion(BODY)


def iou(alpha: Alpha, truth: Alpha) -> float:
    a, b = alpha >= 0.5, truth >= 0.5
    return float(np.count_nonzero(a & b) / np.count_nonzero(a | b))


class TestFuse:
    def test_one_opinion_alone_stays_as_it_is(self) -> None:
        assert np.array_equal(fuse([RIGHT], GREY, PERSON) >= 0.5, RIGHT >= 0.5)

    def test_what_one_network_alone_takes_for_the_person_is_out(self) -> None:
        fused = fuse([opinion(BODY, BUS), RIGHT, RIGHT], GREY, PERSON)
        assert iou(fused, RIGHT) > 0.99

    def test_what_one_network_alone_misses_is_in(self) -> None:
        headless = opinion((25, 40, 55, 85))
        assert iou(fuse([headless, RIGHT, RIGHT], GREY, PERSON), RIGHT) > 0.99

    def test_an_overconfident_network_does_not_outvote_two(self) -> None:
        wrong = opinion(BUS, sure=1.0)
        assert iou(fuse([wrong, RIGHT, RIGHT], GREY, PERSON), RIGHT) > 0.99

    def test_opinions_may_be_smaller_than_the_crop(self) -> None:
        small = np.ascontiguousarray(RIGHT[::2, ::2])
        fused = fuse([RIGHT, small, small], GREY, PERSON)
        assert fused.shape == (100, 80)
        assert iou(fused, RIGHT) > 0.95

    @pytest.mark.parametrize(("level", "is_person"), [(250, True), (20, False)])
    def test_where_networks_are_undecided_the_colour_decides(
        self, level: int, is_person: bool
    ) -> None:
        arm = (slice(30, 50), slice(55, 70))
        rgb = np.full((100, 80, 3), 20, np.uint8)
        rgb[15:85, 25:55] = 250  # the person is bright, the background dark
        rgb[arm] = level
        doubtful = RIGHT.copy()
        doubtful[arm] = 0.5
        fused = fuse([doubtful, doubtful], rgb, PERSON)[arm]
        inner = fused[4:-4, 4:-4]
        assert ((inner >= 0.5) == is_person).all()

    def test_a_colour_says_nothing_where_no_pixel_is_sure(self) -> None:
        faint = opinion(BODY, sure=0.7)
        assert iou(fuse([faint, faint], GREY, PERSON), RIGHT) == 1.0

    def test_a_thin_strand_of_the_matting_model_is_kept_where_the_region_is_agreed(self) -> None:
        rgb = np.full((1000, 800, 3), 128, np.uint8)
        coarse = np.full((1000, 800), 0.05, np.float32)
        coarse[150:850, 250:550] = 0.95
        fine = coarse.copy()
        fine[100:150, 400] = 1.0  # a hair, one px wide, which the grid cannot hold
        person = Box(200, 100, 600, 900)
        fused = fuse([fine, coarse, coarse], rgb, person)
        assert (fused[100:150, 400] > 0.6).all()
        assert fused[100:140, 380:395].max() < 0.2

    def test_fine_edges_far_from_the_agreed_region_do_not_come_back(self) -> None:
        rgb = np.full((1000, 800, 3), 128, np.uint8)
        coarse = np.full((1000, 800), 0.02, np.float32)
        coarse[150:850, 250:550] = 0.98
        wrong = coarse.copy()
        wrong[300:600, 650:780] = 0.98  # a whole object, not an edge
        fused = fuse([wrong, coarse, coarse], rgb, Box(200, 100, 600, 900))
        assert (fused[320:580, 670:760] < 0.5).all()

    def test_a_mirrored_crop_gives_the_mirrored_alpha(self) -> None:
        opinions = [opinion(BODY, BUS), RIGHT, opinion((25, 40, 55, 85))]
        plain = fuse(opinions, GREY, PERSON)
        flipped = [np.ascontiguousarray(alpha[:, ::-1]) for alpha in opinions]
        mirrored = fuse(flipped, GREY, Box(20, 10, 60, 90))
        assert np.allclose(mirrored[:, ::-1], plain, atol=1e-4)

    @given(
        st_numpy.arrays(np.float32, (3, 12, 9), elements=st.floats(0, 1, width=32)),
        st_numpy.arrays(np.uint8, (12, 9, 3)),
    )
    def test_it_is_a_probability_whatever_the_networks_say(
        self, alphas: NDArray[Any], rgb: Rgb
    ) -> None:
        fused = fuse(list(alphas), rgb, Box(1, 1, 8, 11))
        assert fused.dtype == np.float32
        assert fused.shape == (12, 9)
        assert (fused >= 0).all()
        assert (fused <= 1).all()


class TestAgreement:
    def test_who_agrees_with_the_others_counts_more(self) -> None:
        sides = [np.where(alpha >= 0.5, 1, -1).astype(np.float32)
                 for alpha in (opinion(BUS, BODY), RIGHT, RIGHT)]  # fmt: skip
        odd, *alike = agreement(sides).tolist()
        assert alike[0] == alike[1] > odd > 0
        assert odd + sum(alike) == pytest.approx(1)

    def test_where_nothing_overlaps_all_count_alike(self) -> None:
        sides = [np.where(opinion(box) >= 0.5, 1, -1).astype(np.float32) for box in (BUS, BODY)]
        assert agreement(sides).tolist() == [0.5, 0.5]


def mask_of(*boxes: tuple[int, int, int, int]) -> Mask:
    return (opinion(*boxes) >= 0.5).astype(np.uint8)


def body(*points: tuple[float, float], seen: float = 0.9, mask: Alpha | None = None) -> Body:
    points_xy = np.array(points, np.float32).reshape(-1, 2)
    return Body(points_xy, np.full(len(points), seen, np.float32), mask)


HAND = (5, 50, 15, 60)


class TestForeignParts:
    mask = mask_of(BODY, HAND)

    def _has_hand(self, mask: Mask) -> bool:
        assert mask[20:80, 30:50].all()  # the main part always stays
        return bool(mask[50:60, 5:15].any())

    def test_a_part_that_nothing_claims_is_out(self) -> None:
        assert not self._has_hand(without_foreign_parts(self.mask, PERSON, body((40, 50))))

    def test_a_part_with_a_sure_joint_stays(self) -> None:
        assert self._has_hand(without_foreign_parts(self.mask, PERSON, body((10, 55))))

    def test_a_part_with_a_doubtful_joint_does_not(self) -> None:
        doubtful = body((10, 55), seen=0.4)
        assert not self._has_hand(without_foreign_parts(self.mask, PERSON, doubtful))

    @pytest.mark.parametrize(("reach", "stays"), [(12, True), (8, False)])
    def test_a_part_stays_if_most_of_it_lies_in_the_body(self, reach: int, stays: bool) -> None:
        claimed = body(mask=opinion(BODY, (5, 50, reach, 60)))
        assert self._has_hand(without_foreign_parts(self.mask, PERSON, claimed)) == stays

    def test_without_a_pose_only_the_main_part_stays(self) -> None:
        assert not self._has_hand(without_foreign_parts(self.mask, PERSON, None))

    def test_joints_on_the_background_and_outside_the_crop_add_nothing(self) -> None:
        odd = body((2, 2), (-5, 40), (500, 40), (40, -1), (40, 100))
        assert np.array_equal(without_foreign_parts(self.mask, PERSON, odd), mask_of(BODY))

    def test_an_empty_mask_stays_empty(self) -> None:
        assert not without_foreign_parts(mask_of(), PERSON, body((40, 50))).any()
