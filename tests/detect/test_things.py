"""Detectors that know things beside people: what they find is kept, but for what is worn."""

from types import SimpleNamespace

import pytest
import torch

from tasks.common.schema.boxes import Box
from tasks.common.weights.catalogue import Weights
from tasks.detect.detector import _people

NAMES = {0: "person", 1: "bicycle", 24: "backpack", 32: "sports ball"}
MAN, BICYCLE = (10.0, 10.0, 50.0, 110.0), (5.0, 60.0, 60.0, 120.0)
BACKPACK, BALL = (12.0, 30.0, 30.0, 60.0), (70.0, 90.0, 80.0, 100.0)


def _weights(*person_classes: int) -> Weights:
    return Weights(
        name="coco",
        role="person-detector",
        file="coco.pt",
        sha256="0" * 64,
        licence="AGPL-3.0",
        person_classes=person_classes,
    )


def _result(names: dict[int, str], *found: tuple[tuple[float, ...], int, float]) -> SimpleNamespace:
    """Return a result of ultralytics with these boxes, classes and confidences."""
    boxes = SimpleNamespace(
        xyxy=torch.tensor([box for box, _, _ in found]).reshape(-1, 4),
        cls=torch.tensor([float(number) for _, number, _ in found]),
        conf=torch.tensor([sure for _, _, sure in found]),
    )
    return SimpleNamespace(names=names, boxes=boxes)


def test_things_are_kept_beside_the_people() -> None:
    result = _result(NAMES, (BALL, 32, 0.9), (MAN, 0, 0.8), (BICYCLE, 1, 0.7))
    people = _people(result, _weights(0), 10)
    assert [person.box for person in people.persons] == [Box.of(MAN)]
    assert people.objects == (Box.of(BICYCLE), Box.of(BALL))


def test_what_is_worn_is_no_thing() -> None:
    people = _people(_result(NAMES, (MAN, 0, 0.8), (BACKPACK, 24, 0.9)), _weights(0), 10)
    assert people.objects == ()


def test_the_limit_on_people_counts_no_things() -> None:
    result = _result(NAMES, (BALL, 32, 0.9), (BICYCLE, 1, 0.9), (MAN, 0, 0.5))
    assert len(_people(result, _weights(0), 1).persons) == 1


@pytest.mark.parametrize(
    ("names", "classes"),
    [({0: "person"}, (0,)), ({0: "Normal", 1: "Fall"}, (0, 1))],
    ids=["people alone", "people in two states"],
)
def test_a_model_of_people_alone_knows_no_things(
    names: dict[int, str], classes: tuple[int, ...]
) -> None:
    people = _people(_result(names, (MAN, 0, 0.8)), _weights(*classes), 10)
    assert len(people.persons) == 1
    assert people.objects is None
