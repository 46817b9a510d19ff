"""For every rule a real picture that it keeps and one that it alone drops, by shipped bounds."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from tasks.common.media.images import encode_jpeg
from tasks.common.recipe.bounds import RuleBounds
from tasks.common.recipe.models import load_recipe
from tasks.common.schema.rows import MeasuredCrop
from tasks.filter.judge import findings_of, judge_source
from tasks.filter.rules import RULES, excluded_scene, licence
from tests.filter.builders import Picture, bounds_of
from tests.filter.examples import Example, cut_out, measured, smaller
from tests.filter.pictures import doubled, out_of_focus

GOOD = cut_out()
HEIGHT_PX = GOOD.person[3] - GOOD.person[1]
ALL_BUT_LEGS = (1.0,) * 13 + (0.0,) * 4
# Seen as hardly as a head that is turned away and in the dark.
HARDLY_A_HEAD = (0.17,) * 5 + (1.0,) * 12
BESIDE_HIM = ((0, 0, 52, 704), (245, 0, 347, 704))
# No recipe that is shipped sets these two; `body_visible` is not set by demo.
ON_SOURCE = bounds_of(excluded_scene={"tags": ["night"]}, licence={"allowed": ["CC-*"]})
# Nor this one: `trust` rests on it.
BY_ALPHA = bounds_of(expected_iou={"min": 0.8})


def bounds_by(recipe: str) -> RuleBounds:
    if recipe == "by alpha":
        return BY_ALPHA
    sets = {"excluded_scene": ON_SOURCE.excluded_scene, "licence": ON_SOURCE.licence}
    return load_recipe(recipe).filter.model_copy(update=sets)


def from_another_source(**facts: object) -> Example:
    return GOOD.but(source=GOOD.source.model_copy(update=facts))


def close_up() -> Example:
    """Head to hips, and the frame ends on all sides."""
    part = cut_out((64, 400, 180, 690))
    return part.but(person=(0, 0, 116, 290), seen=ALL_BUT_LEGS)


def behind_a_wall(rows: slice) -> Picture:
    """Hide some rows of the man behind a piece of the pavement beside him."""
    rgb = GOOD.rgb.copy()
    height = rgb[rows].shape[0]
    rgb[rows, 50:250] = cv2.resize(rgb[560:690, 250:347], (200, height))
    return rgb


def overexposed() -> Picture:
    brighter = np.clip(GOOD.rgb.astype(np.int16) + 215, 0, 255)
    return np.asarray(brighter, np.uint8)


def in_fog() -> Picture:
    return np.asarray(np.rint(128 + 0.08 * (GOOD.rgb.astype(np.float32) - 128)), np.uint8)


def under_the_zenith() -> Example:
    """Drawn out across as an equirectangular picture draws out what is 70 degrees up."""
    wide = smaller(GOOD, 1.0, sideways=2.9)
    return wide.but(projection="equirectangular", frame_wh=(16_000, 8_000), crop_at=(5_000, 500))


def cut_at_the_elbow() -> Example:
    """The frame ends in the man's arm, but the detector's box ends three px before the frame."""
    part = cut_out((75, 299, 347, 1003))
    return part.but(person=(3.0, *part.person[1:]))


def the_other_way_round() -> Example:
    """Mirrored, in fewer px and compressed hard: a copy that has made the round."""
    half = smaller(GOOD, 0.5)
    packed = encode_jpeg(np.ascontiguousarray(half.rgb[:, ::-1]), 60)
    x0, y0, x1, y1 = half.person
    width = half.rgb.shape[1]
    return half.but(
        rgb=np.asarray(Image.open(BytesIO(packed))),
        mask=half.mask[:, ::-1],
        person=(width - x1, y0, width - x0, y1),
        points=(width, 0) + half.points * (-1, 1),
    )


def without_rows(mask: Picture, rows: slice) -> Picture:
    rest = mask.copy()
    rest[rows] = 0
    return rest


def masked_in_two() -> Example:
    mask = without_rows(GOOD.mask, slice(430, 455))
    return GOOD.but(mask=mask, pose_mask=GOOD.mask * 255)


def holding_a_bag() -> Example:
    """The mask holds a bag beside his legs, which the pose model does not take for him."""
    mask = GOOD.mask.copy()
    mask[480:550, 190:310] = 1
    bag = (185.0, 475.0, 315.0, 555.0)
    return GOOD.but(mask=mask, pose_mask=GOOD.mask * 255, objects=(bag,), others=())


Make = Callable[[], Example]
# Which recipe's bounds, whether the crop was matted, and the picture that the rule drops.
DROPPED: dict[str, tuple[str, bool, Make]] = {
    "excluded_scene": ("demo", False, lambda: from_another_source(scenes=("park", "night"))),
    "licence": ("demo", False, lambda: from_another_source(licence="All rights reserved")),
    "person_height_px": ("people", False, lambda: smaller(GOOD, 100 / HEIGHT_PX)),
    "detector_confidence": ("demo", False, lambda: GOOD.but(confidence=0.1)),
    "frame_cut": ("demo", False, close_up),
    "person_overlap": ("demo", False, lambda: GOOD.but(others=((110, 90, 300, 600),))),
    "body_visible": (
        "people",
        False,
        lambda: GOOD.but(rgb=behind_a_wall(slice(400, 610)), seen=ALL_BUT_LEGS),
    ),
    "upper_body_visible": (
        "demo",
        False,
        lambda: GOOD.but(rgb=behind_a_wall(slice(95, 170)), seen=HARDLY_A_HEAD),
    ),
    "occlusion": (
        "demo",
        False,
        lambda: GOOD.but(
            rgb=behind_a_wall(slice(400, 610)), seen=ALL_BUT_LEGS, frame_wh=(347, 1004)
        ),
    ),
    "sharpness": (
        "people",
        False,
        lambda: GOOD.but(rgb=out_of_focus(GOOD.rgb, 0.02 * HEIGHT_PX)),
    ),
    "ghosting": ("people", False, lambda: GOOD.but(rgb=doubled(GOOD.rgb, 0.1 * HEIGHT_PX, 0.4))),
    "exposure": ("people", False, lambda: GOOD.but(rgb=overexposed())),
    "distortion": ("demo", False, under_the_zenith),
    "near_duplicate": ("people", False, the_other_way_round),
    "mask_whole": ("people", True, masked_in_two),
    "subject_share": (
        "people",
        True,
        lambda: cut_out((0, 50, 640, 1080)).but(tight=(0, 0, 640, 1030)),
    ),
    "frame_cut_mask": ("people", True, cut_at_the_elbow),
    "person_overlap_mask": ("people", True, lambda: GOOD.but(others=((60, 205, 195, 305),))),
    "other_people": ("people", True, lambda: GOOD.but(others=BESIDE_HIM, tight=(0, 0, 347, 704))),
    "object_overlap": ("people", True, holding_a_bag),
    "contrast": ("people", True, lambda: GOOD.but(rgb=in_fog())),
    "mask_certainty": (
        "people",
        True,
        lambda: GOOD.but(alpha=out_of_focus(GOOD.mask * 255, 12)),
    ),
    "expected_iou": (
        "by alpha",
        True,
        lambda: GOOD.but(alpha=out_of_focus(GOOD.mask * 255, 20)),
    ),
    "mask_agreement": (
        "people",
        True,
        lambda: GOOD.but(pose_mask=without_rows(GOOD.mask, slice(330, None)) * 255),
    ),
    "keypoints_in_mask": (
        "people",
        True,
        lambda: GOOD.but(mask=without_rows(GOOD.mask, slice(0, 320))),
    ),
    "trust": (
        "demo",
        True,
        lambda: GOOD.but(alpha=out_of_focus(GOOD.mask * 255, 20), confidence=0.4),
    ),
}


@pytest.fixture(scope="module")
def undamaged(tmp_path_factory: pytest.TempPathFactory) -> MeasuredCrop:
    return measured(GOOD, tmp_path_factory.mktemp("good"), "good", matted=True)


def test_there_is_an_example_for_every_rule() -> None:
    assert set(DROPPED) == {*RULES, excluded_scene.NAME, licence.NAME}


@pytest.mark.parametrize("recipe", ["demo", "people"])
def test_the_undamaged_man_is_kept_without_a_word(undamaged: MeasuredCrop, recipe: str) -> None:
    (crop,) = judge_source([undamaged], GOOD.source, bounds_by(recipe), {"good"})
    assert (crop.verdict, crop.failed_rules) == ("keep", ())


@pytest.mark.parametrize("rule", DROPPED)
def test_a_rule_keeps_the_undamaged_man_for_what_it_measured(
    undamaged: MeasuredCrop, rule: str
) -> None:
    bounds = bounds_by(DROPPED[rule][0])
    (crop,) = judge_source([undamaged], GOOD.source, bounds, {"good"})
    findings = findings_of(crop, GOOD.source, bounds)
    (finding,) = [finding for finding in findings if finding.rule == rule]
    assert (finding.verdict, finding.value is None) == ("keep", False)


@pytest.mark.parametrize("rule", DROPPED)
def test_a_rule_alone_drops_its_example(tmp_path: Path, undamaged: MeasuredCrop, rule: str) -> None:
    recipe, is_matted, make = DROPPED[rule]
    damaged = make()
    crops = [measured(damaged, tmp_path, "bad", matted=is_matted)]
    if rule == "near_duplicate":
        crops.append(undamaged)
    matted = {"bad"} if is_matted else set()
    crop = judge_source(crops, damaged.source, bounds_by(recipe), matted)[0]
    assert (crop.verdict, crop.failed_rules) == ("drop", (rule,))
