"""Corrections are merged into mattes, whichever run, model or recipe made these."""

import numpy as np
import pytest

from tasks.annotate.stage import correct_key
from tasks.common.media.images import Mask, read_grey
from tasks.common.records import Drop
from tasks.common.schema.boxes import Box
from tests.annotate.builders import (
    LEFT,
    RECIPE,
    correct,
    corrected,
    edited,
    mask_of,
    matte_of,
    workspace,
    write_crops,
    write_mattes,
    write_media,
)

HAND = Box(0, 20, 6, 30)  # px of the left person's crop: an arm that the machine missed


@pytest.fixture
def human() -> Mask:
    """The left person's mask with a hand added and a hole cut by the annotator `ann`."""
    crops = write_crops()
    mattes = write_mattes(crops)
    mask = edited(edited(mask_of(mattes), HAND), Box(15, 30, 20, 35), code=0)
    corrected(crops, mattes, mask)
    return mask


def test_a_source_without_corrections_keeps_its_rows() -> None:
    crops = write_crops()
    mattes = write_mattes(crops)
    assert workspace().items(correct(crops, mattes)).equals(workspace().items(mattes))


def test_an_edit_arrives_as_that_edit_and_names_its_channel(human: Mask) -> None:
    crops = write_crops()
    table = correct(crops, write_mattes(crops))
    assert (mask_of(table) == human).all()
    assert matte_of(table).channel == "human ps"
    assert matte_of(table, 1).channel == "rembg u2netp"


def test_the_published_box_holds_what_the_person_drew(human: Mask) -> None:
    crops = write_crops()
    assert matte_of(correct(crops, write_mattes(crops))).tight_box_xyxy.x0 == HAND.x0


def test_the_alpha_is_sure_where_the_annotator_looked(human: Mask) -> None:
    crops = write_crops()
    row = matte_of(correct(crops, write_mattes(crops)))
    assert (read_grey(workspace().path(row.alpha_path)) == human * 255).all()


def test_another_model_keeps_the_persons_pixels_and_brings_its_own(human: Mask) -> None:
    crops = write_crops()
    before, after = mask_of(write_mattes(crops)), mask_of(write_mattes(crops, "isnet", shrink=4))
    merged = mask_of(correct(crops, write_mattes(crops, "isnet", shrink=4)))
    changed = human != before
    assert (merged[changed] == human[changed]).all()
    assert (merged[~changed] == after[~changed]).all()


@pytest.mark.parametrize("context", [pytest.param(2, id="tighter"), pytest.param(9, id="wider")])
def test_a_recipe_that_cuts_otherwise_has_the_edit_at_the_same_pixels_of_the_frame(
    human: Mask, context: int
) -> None:
    other = write_crops(context)
    table = correct(other, write_mattes(other))
    in_frame = np.zeros((80, 100), np.uint8)
    in_frame[LEFT.pad(5).slices] = human
    # At the border of the frame a crop is clipped, so its own box says where it lies.
    region = LEFT.pad(context).clip((100, 80))
    expected = in_frame[region.slices]
    assert (mask_of(table) == expected).all()
    assert (mask_of(table, 1) == mask_of(write_mattes(other), 1)).all()


def test_a_second_mask_by_the_same_person_replaces_the_first(human: Mask) -> None:
    crops = write_crops()
    mattes = write_mattes(crops)
    again = edited(mask_of(mattes), Box(4, 40, 8, 50))
    corrected(crops, mattes, again, minutes_later=5)
    assert (mask_of(correct(crops, mattes)) == again).all()


def test_a_second_order_keeps_what_the_first_one_brought(human: Mask) -> None:
    crops = write_crops()
    first = correct(crops, write_mattes(crops))
    more = edited(mask_of(first), Box(4, 40, 8, 50))
    corrected(crops, first, more, annotator="bob", minutes_later=5)
    assert (mask_of(correct(crops, write_mattes(crops))) == more).all()


@pytest.mark.parametrize(
    ("second", "channel"),
    [
        pytest.param(Box(15, 29, 20, 30), "human ps, agreed by 2", id="a row apart"),
        pytest.param(Box(0, 50, 35, 60), "human ps, disputed", id="an arm apart"),
    ],
)
def test_two_people_on_one_mask_agree_or_dispute(human: Mask, second: Box, channel: str) -> None:
    crops = write_crops()
    mattes = write_mattes(crops)
    corrected(crops, mattes, edited(human, second, code=0), annotator="bob", minutes_later=5)
    assert matte_of(correct(crops, mattes)).channel == channel


def test_a_mask_that_a_person_emptied_is_a_drop() -> None:
    crops = write_crops()
    mattes = write_mattes(crops)
    corrected(crops, mattes, np.zeros_like(mask_of(mattes)))
    table = correct(crops, mattes)
    (drop,) = map(Drop.model_validate, workspace().drop_rows(table))
    assert (drop.stage, drop.reason, table.n_kept) == ("correct", "mask_empty", 1)
    assert "human ps" in drop.sentence


def test_a_correction_whose_person_is_not_in_the_run_is_accounted_for(human: Mask) -> None:
    later = write_crops(time_s=2.5)
    table = correct(later, write_mattes(later))
    (drop,) = map(Drop.model_validate, workspace().drop_rows(table))
    assert (drop.reason, table.n_in, table.n_kept) == ("no_such_crop", 3, 2)
    assert "1.50 s" in drop.sentence


def test_a_correction_that_comes_back_makes_another_key() -> None:
    crops, media = write_crops(), write_media()
    mattes = write_mattes(crops)
    before = correct_key(media, crops, mattes, RECIPE)
    corrected(crops, mattes, edited(mask_of(mattes), HAND))
    assert correct_key(media, crops, mattes, RECIPE) != before
