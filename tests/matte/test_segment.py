"""Networks that segment one person: real ones of ultralytics, untrained, as their weights cannot
be shipped. What they mark is chance; how they are asked and read is not."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tasks.common.files import digest_file
from tasks.common.schema.boxes import Box
from tasks.common.settings import settings
from tasks.common.weights.catalogue import Weights
from tasks.matte.segment import Prompt, _mask_of, segment

PERSON = Box(20.0, 15.0, 100.0, 190.0)
RGB = np.random.default_rng(0).integers(0, 255, (200, 120, 3), np.uint8)
JOINTS = ((60.0, 50.0), (60.0, 120.0))


def _entry(path: Path, session: str, *classes: int) -> Weights:
    return Weights(
        name=path.stem,
        role="segmentation",
        file=path.name,
        sha256=digest_file(path),
        licence="AGPL-3.0",
        session=session,
        person_classes=classes,
    )


@pytest.mark.slow
def test_a_yolo_model_is_asked_and_its_silence_understood(tmp_path: Path) -> None:
    from ultralytics.models import YOLO

    torch.manual_seed(0)
    path = tmp_path / "yolo11n-seg.pt"
    YOLO("yolo11n-seg.yaml").save(str(path))
    here = settings().model_copy(update={"models": tmp_path})
    answer = segment(RGB, Prompt(PERSON), _entry(path, "yolo", 0), here)
    assert answer.alpha.shape == RGB.shape[:2]
    assert not answer.alpha.any()  # an untrained network is nowhere sure


@pytest.mark.slow
def test_sam2_gives_one_mask_for_box_and_points(tmp_path: Path) -> None:
    from ultralytics.models.sam.build import build_sam2_t

    torch.manual_seed(0)
    path = tmp_path / "sam2_t.pt"
    network = build_sam2_t()  # type: ignore[no-untyped-call]
    torch.save({"model": network.state_dict()}, path)
    here = settings().model_copy(update={"models": tmp_path})
    entry = _entry(path, "sam2")
    alone = segment(RGB, Prompt(PERSON), entry, here)
    told = segment(RGB, Prompt(PERSON, JOINTS, ((110.0, 150.0),)), entry, here)
    for answer in (alone, told):
        assert answer.alpha.shape == RGB.shape[:2]
        assert {round(float(level), 2) for level in np.unique(answer.alpha)} <= {0.0, 0.05, 0.95}
    assert (alone.alpha != told.alpha).any()  # the points reach the network


def _result(*boxes: Box) -> SimpleNamespace:
    """Return a result of ultralytics whose masks fill these boxes."""
    masks = torch.zeros(len(boxes), 200, 120)
    for mask, box in zip(masks, boxes, strict=True):
        mask[box.slices] = 1
    corners = torch.tensor([box.xyxy for box in boxes]).reshape(-1, 4)
    return SimpleNamespace(masks=SimpleNamespace(data=masks), boxes=SimpleNamespace(xyxy=corners))


def test_the_mask_is_that_of_the_person_in_the_box() -> None:
    neighbour = Box(90.0, 10.0, 120.0, 180.0)
    mask = _mask_of(_result(neighbour, PERSON), PERSON)
    assert mask is not None
    assert mask[PERSON.slices].all()
    assert mask.sum() == PERSON.area


@pytest.mark.parametrize("boxes", [(), (Box(100.0, 150.0, 120.0, 200.0),)])
def test_nobody_in_the_box_is_no_mask(boxes: tuple[Box, ...]) -> None:
    assert _mask_of(_result(*boxes), PERSON) is None


def test_a_result_without_masks_is_no_mask() -> None:
    assert _mask_of(SimpleNamespace(masks=None), PERSON) is None


def test_the_key_of_a_prompt_names_all_of_it() -> None:
    prompts = [
        Prompt(PERSON),
        Prompt(PERSON.shift(1.0, 0.0)),
        Prompt(PERSON, JOINTS),
        Prompt(PERSON, (), JOINTS),
    ]
    assert len({prompt.key for prompt in prompts}) == len(prompts)
