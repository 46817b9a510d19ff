"""Corrections are kept whole, once, and for good, in a folder and in a bucket."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from tasks.common.errors import ArtifactError
from tasks.common.files import digest_bytes
from tasks.common.media.images import encode_png
from tasks.common.store.address import open_prefix
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.corrections import (
    Correction,
    append_correction,
    count_corrections,
    mask_path,
    read_corrections,
    read_mask,
    remove_corrections,
)

MEDIA = "cd" * 32
MASK = np.eye(4, dtype=np.uint8)
PNG = encode_png(MASK)


@pytest.fixture(
    params=[
        pytest.param("folder", marks=pytest.mark.unit),
        pytest.param("bucket", marks=pytest.mark.service),
    ]
)
def machines(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Workspace]:
    """Open the shared workspace as a machine of that name does."""
    if request.param == "folder":
        return lambda _name: Workspace(tmp_path / "shared")
    address = request.getfixturevalue("s3_address")
    return lambda name: Workspace(tmp_path / name, shared=open_prefix(address))


def correction(minute: int = 0, annotator: str = "ann") -> Correction:
    return Correction(
        media_id=MEDIA,
        time_s=1.5,
        frame_size_wh=(100, 80),
        region_xyxy=(10, 10, 14, 14),
        person_xyxy=(10.5, 10, 14, 14),
        sample="cdcd-00001500-00",
        picture_digest="p",
        base_digest="b",
        mask_digest=digest_bytes(PNG),
        annotator=annotator,
        channel="ps",
        order="o",
        received_at=datetime(2026, 11, 28, tzinfo=UTC) + timedelta(minutes=minute),
    )


def test_what_one_machine_received_another_reads(machines: Callable[[str], Workspace]) -> None:
    here, there = machines("here"), machines("there")
    assert read_corrections(there, MEDIA) == ()
    assert append_correction(here, correction(), PNG)
    assert read_corrections(there, MEDIA) == (correction(),)
    assert (read_mask(there, MEDIA, digest_bytes(PNG)) == MASK).all()


def test_the_same_mask_by_the_same_person_is_received_once(
    machines: Callable[[str], Workspace],
) -> None:
    here = machines("here")
    append_correction(here, correction(), PNG)
    assert not append_correction(here, correction(minute=9), PNG)
    assert read_corrections(here, MEDIA) == (correction(),)


def test_corrections_come_in_the_order_in_which_they_were_received(
    machines: Callable[[str], Workspace],
) -> None:
    here = machines("here")
    both = correction(minute=5, annotator="bob"), correction(minute=0)
    for one in both:
        append_correction(here, one, PNG)
    assert read_corrections(here, MEDIA) == both[::-1]


def test_a_takedown_leaves_neither_records_nor_masks(
    machines: Callable[[str], Workspace],
) -> None:
    here, there = machines("here"), machines("there")
    append_correction(here, correction(), PNG)
    assert (count_corrections(here, [MEDIA]), remove_corrections(here, [MEDIA])) == (1, 1)
    assert there.names(f"corrections/{MEDIA}") == []


@pytest.mark.unit
@pytest.mark.parametrize("n_writes", [0, 1])
def test_a_crash_between_two_writes_loses_nothing(
    n_writes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(tmp_path)
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
            append_correction(workspace, correction(), PNG)
    assert read_corrections(workspace, MEDIA) == ()
    assert append_correction(workspace, correction(), PNG)
    assert read_corrections(workspace, MEDIA) == (correction(),)
    assert (read_mask(workspace, MEDIA, digest_bytes(PNG)) == MASK).all()


@pytest.mark.unit
def test_a_damaged_record_stops_its_source_with_a_sentence(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    append_correction(workspace, correction(), PNG)
    workspace.write(correction().path, b"{")
    with pytest.raises(ArtifactError, match="Restore it from a backup"):
        read_corrections(workspace, MEDIA)


@pytest.mark.unit
def test_a_mask_that_was_changed_on_disk_is_never_used(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    append_correction(workspace, correction(), PNG)
    workspace.write(mask_path(MEDIA, digest_bytes(PNG)), encode_png(1 - MASK))
    with pytest.raises(ArtifactError, match="damaged"):
        read_mask(workspace, MEDIA, digest_bytes(PNG))
