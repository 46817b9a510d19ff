"""Receiving: once is enough, nothing is taken by halves, a dry run writes nothing."""

from pathlib import Path

import numpy as np
import pytest

from flows.engine.work_orders import receive
from tasks.annotate.order import Order
from tasks.annotate.receive import Delivered
from tasks.common.errors import InputError
from tasks.common.media.images import Mask
from tasks.common.schema.boxes import Box
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.corrections import read_corrections
from tests.annotate.builders import MEDIA, NOW, edited, workspace
from tests.annotate.orders import base_of, received, sent
from tests.annotate.routes import Came, png_folder

HAND = Box(0, 20, 6, 30)


@pytest.fixture
def order(tmp_path: Path) -> Order:
    return sent("png", tmp_path / "out")


def delivery(order: Order, folder: Path, *masks: Mask) -> Path:
    folder.mkdir()
    rgb = np.zeros((1, 1, 3), np.uint8)
    return png_folder(
        [Came(order.items[number].sample, rgb, mask) for number, mask in enumerate(masks)], folder
    )


def both_edited(order: Order, folder: Path) -> Path:
    return delivery(order, folder, *(edited(base_of(order, n), HAND.shift(0, n)) for n in (0, 1)))


def files(space: Workspace) -> dict[str, bytes]:
    names = space.names("corrections")
    return {name: space.path(name).read_bytes() for name in names}


def test_receiving_twice_changes_nothing(order: Order, tmp_path: Path) -> None:
    path = both_edited(order, tmp_path / "back")
    first = received(path, order)
    before = files(workspace())
    second = received(path, order)
    assert [o.result for o in first.outcomes] == ["corrected"] * 2
    assert [o.result for o in second.outcomes] == ["known"] * 2
    assert files(workspace()) == before


def test_a_dry_run_reports_the_same_and_writes_nothing(order: Order, tmp_path: Path) -> None:
    path = both_edited(order, tmp_path / "back")
    before = files(workspace())
    dry = receive(path, Delivered("ann", NOW), order.order, workspace(), dry_run=True)
    assert files(workspace()) == before
    assert dry.outcomes == received(path, order).outcomes


@pytest.mark.parametrize("n_writes", range(4))
def test_a_crash_between_any_two_writes_leaves_whole_corrections_and_the_rest_comes_later(
    n_writes: int, order: Order, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = both_edited(order, tmp_path / "back")
    done = 0
    write = Workspace.write

    def crash(self: Workspace, relative: str, data: bytes, later: None = None) -> None:
        nonlocal done
        if done == n_writes:
            raise KeyboardInterrupt
        done += 1
        write(self, relative, data, later)

    with monkeypatch.context() as patch:
        patch.setattr(Workspace, "write", crash)
        with pytest.raises(KeyboardInterrupt):
            received(path, order)
    # Each mask takes two writes, its record is the second.
    assert len(read_corrections(workspace(), MEDIA)) == n_writes // 2
    results = [o.result for o in received(path, order).outcomes]
    assert sorted(results) == sorted(
        ["known"] * (n_writes // 2) + ["corrected"] * (2 - n_writes // 2)
    )
    assert len(read_corrections(workspace(), MEDIA)) == 2


def test_an_unchanged_mask_counts_as_checked_only_if_somebody_says_so(
    order: Order, tmp_path: Path
) -> None:
    path = delivery(order, tmp_path / "back", base_of(order, 0))
    assert [o.result for o in received(path, order).outcomes] == ["unchanged"]
    confirmed = receive(path, Delivered("ann", NOW, confirm=True), order.order, workspace())
    assert [o.result for o in confirmed.outcomes] == ["confirmed"]
    assert len(read_corrections(workspace(), MEDIA)) == 1


def test_sending_the_first_mask_back_takes_a_correction_back(order: Order, tmp_path: Path) -> None:
    received(delivery(order, tmp_path / "1", edited(base_of(order, 0), HAND)), order)
    undone = received(delivery(order, tmp_path / "2", base_of(order, 0)), order)
    assert [o.result for o in undone.outcomes] == ["corrected"]


def test_the_working_time_is_divided_among_the_corrections(order: Order, tmp_path: Path) -> None:
    path = both_edited(order, tmp_path / "back")
    receive(path, Delivered("ann", NOW, "ps", minutes=7.0), order.order, workspace())
    records = read_corrections(workspace(), MEDIA)
    assert [(r.minutes, r.channel, r.annotator) for r in records] == [(3.5, "ps", "ann")] * 2


def test_a_folder_in_which_annotators_may_have_worked_is_never_overwritten(
    order: Order, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="may hold annotators' work"):
        sent("png", tmp_path / "out")


def test_the_same_samples_and_masks_are_the_same_order(order: Order, tmp_path: Path) -> None:
    assert sent("png", tmp_path / "again").order == order.order


def test_what_is_no_delivery_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no"):
        received(tmp_path / "missing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="No work order of this workspace"):
        received(tmp_path / "empty")
