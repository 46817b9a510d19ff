"""A corrected mask is carried into neighbouring frames as a proposal, which is nobody's work."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from tasks.annotate.apply import mask_iou
from tasks.annotate.order import Order
from tasks.annotate.pick import Picked
from tasks.annotate.propagate import Proposal, Seen, carry
from tasks.annotate.receive import Delivered
from tasks.annotate.send import plan_order, write_order
from tasks.common.media.images import Mask, Rgb
from tasks.common.schema.boxes import Box
from tasks.common.workspace.corrections import read_corrections
from tests.annotate.builders import (
    MEDIA,
    NOW,
    edited,
    mask_of,
    workspace,
    write_crops,
    write_mattes,
)
from tests.annotate.orders import received, run_crops

BOX = Box(60, 40, 160, 200)


def scene(x: int, y: int, seed: int = 3) -> tuple[Rgb, Mask]:
    """Return a textured person at a place before a textured background, and where it is."""
    random = np.random.default_rng(seed)
    background = random.integers(0, 256, (30, 40, 3), dtype=np.uint8)
    frame = np.asarray(cv2.resize(background, (320, 240), interpolation=cv2.INTER_CUBIC), np.uint8)
    body = random.integers(0, 256, (20, 10, 3), dtype=np.uint8)
    skin = np.asarray(cv2.resize(body, (60, 120), interpolation=cv2.INTER_CUBIC), np.uint8)
    mask = np.zeros((240, 320), np.uint8)
    cv2.ellipse(mask, (x, y), (28, 58), 0, 0, 360, 1, -1)
    whole = np.zeros_like(frame)
    whole[y - 60 : y + 60, x - 30 : x + 30] = skin
    frame[mask == 1] = whole[mask == 1]
    return frame, mask


def seen(x: int = 110, y: int = 120) -> Seen:
    frame, mask = scene(x, y)
    return Seen("a", 1.0, mask[BOX.slices], frame, BOX)


@pytest.mark.parametrize(("dx", "dy"), [(5, 0), (-4, 3), (8, -5)])
def test_a_mask_follows_its_person(dx: int, dy: int) -> None:
    frame, mask = scene(110 + dx, 120 + dy)
    _, before = scene(110, 120)
    box = BOX.shift(dx, dy)
    proposal = carry(seen(), frame, box)
    stayed = mask_iou(before[box.slices], mask[box.slices])
    assert mask_iou(proposal.mask, mask[box.slices]) > max(0.87, stayed + 0.02)
    assert (proposal.trust > 0.7, proposal.origin) == (True, "a")


def test_where_nothing_moved_no_pixel_changes() -> None:
    start = seen()
    proposal = carry(start, start.frame, BOX)
    assert (proposal.mask == start.mask).all()
    assert proposal.trust > 0.99


def test_a_mask_that_cannot_be_followed_is_not_trusted() -> None:
    frame, _ = scene(110, 120, seed=99)
    assert carry(seen(), frame, BOX).trust < 0.5


@pytest.fixture
def proposed(tmp_path: Path) -> Order:
    """An order of the left person whose mask is a proposal: wider than the machine's by an arm."""
    left, _ = run_crops()
    mask = edited(mask_of(write_mattes(write_crops())), Box(0, 20, 6, 30))
    proposals = {left.stem: Proposal(mask, 0.9, "a neighbour")}
    picked = [Picked(left, 0.5, "t", 1)]
    order = plan_order(picked, "run-1", "png", NOW, workspace(), proposals)
    write_order(order, picked, tmp_path / "out", workspace(), proposals)
    return order


def test_a_proposal_that_comes_back_as_it_was_is_nobodys_work(
    proposed: Order, tmp_path: Path
) -> None:
    (outcome,) = received(tmp_path / "out").outcomes
    assert (outcome.result, "proposal" in outcome.sentence) == ("unchanged", True)
    assert read_corrections(workspace(), MEDIA) == ()


def test_a_confirmed_proposal_is_a_correction_of_the_machines_mask(
    proposed: Order, tmp_path: Path
) -> None:
    from flows.engine.work_orders import receive

    delivered = Delivered("ann", NOW, confirm=True)
    (outcome,) = receive(tmp_path / "out", delivered, "", workspace()).outcomes
    assert outcome.result == "confirmed"
    (correction,) = read_corrections(workspace(), MEDIA)
    (item,) = proposed.items
    # The base stays the machine's mask, so the merge takes all that the proposal added.
    assert (correction.base_digest, correction.mask_digest) == (item.mask_digest, item.shown_digest)
    assert item.shown_digest != item.mask_digest
