"""The real detector on real people."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tasks.common.media.images import read_rgb
from tasks.common.recipe.models import DetectRecipe
from tasks.common.settings import settings
from tasks.detect.detector import _load, find_people

pytestmark = pytest.mark.slow
RECIPE = DetectRecipe(model="fall-yolov8s", confidence=0.5)


def test_no_frames_give_no_answers() -> None:
    assert list(find_people([], RECIPE, settings())) == []


def test_a_black_picture_holds_nobody() -> None:
    (people,) = find_people([np.zeros((240, 320, 3), np.uint8)], RECIPE, settings())
    assert people.persons == ()


def test_the_people_of_a_street_are_found_from_left_to_right(bus_photo: Path) -> None:
    (people,) = find_people([read_rgb(bus_photo)], RECIPE, settings())
    assert len(people.persons) >= 2
    lefts = [person.box.x0 for person in people.persons]
    assert lefts == sorted(lefts)
    assert all(person.box.height > 400 for person in people.persons if person.confidence > 0.6)


def test_more_people_than_allowed_leave_the_surest(bus_photo: Path) -> None:
    few = RECIPE.model_copy(update={"max_people": 1})
    (everyone,) = find_people([read_rgb(bus_photo)], RECIPE, settings())
    (one,) = find_people([read_rgb(bus_photo)], few, settings())
    surest = max(person.confidence for person in everyone.persons)
    assert [person.confidence for person in one.persons] == pytest.approx([surest], abs=1e-3)


def test_the_answers_keep_the_order_of_the_frames_across_batches(bus_photo: Path) -> None:
    black = np.zeros((240, 320, 3), np.uint8)
    frames = [black] * 9 + [read_rgb(bus_photo)] + [black]
    counts = [len(people.persons) for people in find_people(frames, RECIPE, settings())]
    assert [number for number, count in enumerate(counts) if count] == [9]


def test_pillow_still_opens_pictures_itself_after_ultralytics_came() -> None:
    list(find_people([np.zeros((240, 320, 3), np.uint8)], RECIPE, settings()))
    assert Image.open.__module__ == "PIL.Image"


def test_the_model_is_loaded_once_per_process(bus_photo: Path) -> None:
    for _ in range(2):
        list(find_people([read_rgb(bus_photo)], RECIPE, settings()))
    assert _load.cache_info().misses == 1
