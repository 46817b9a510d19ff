"""Unfinished downloads: who may go on with one, and what is left of it."""

from contextlib import suppress
from pathlib import Path

import pytest

from tasks.common.errors import SourceError, WorldError
from tasks.common.settings import settings
from tasks.download import partial_file
from tasks.download.partial_file import open_partial_file


def left() -> list[str]:
    return sorted(path.name for path in settings().scratch.iterdir() if path.suffix == ".part")


def begin(name: str, data: bytes, validator: str | None) -> None:
    with suppress(WorldError), open_partial_file(name, 100, settings()) as partial:
        partial.restart(validator)
        partial.append(data)
        raise WorldError("cut")


def test_what_came_before_a_flaky_world_is_there_for_the_next_attempt() -> None:
    begin("a", b"123", '"v1"')
    assert left() == ["a.part"]
    with open_partial_file("a", 100, settings()) as partial:
        assert (partial.n_bytes, partial.validator) == (3, '"v1"')
        partial.append(b"45")
        partial.finish()
        assert partial.path.read_bytes() == b"12345"
    assert left() == []


def test_bytes_without_their_note_are_thrown_away() -> None:
    begin("a", b"123", '"v1"')
    (settings().scratch / "a.json").write_text("{")
    with open_partial_file("a", 100, settings()) as partial:
        assert (partial.n_bytes, partial.validator, partial.path.read_bytes()) == (0, None, b"")


def test_a_source_that_cannot_be_used_leaves_nothing() -> None:
    with (
        pytest.raises(SourceError, match="more than 4 bytes"),
        open_partial_file("a", 4, settings()) as partial,
    ):
        partial.append(b"12345")
    assert left() == []


def test_two_at_once_do_not_write_into_one_file() -> None:
    begin("a", b"123", '"v1"')
    with (
        open_partial_file("a", 100, settings()) as first,
        open_partial_file("a", 100, settings()) as second,
    ):
        assert (first.n_bytes, second.n_bytes) == (3, 0)
        assert first.path != second.path
        second.append(b"x")
        assert first.path.read_bytes() == b"123"
    assert left() == []


def test_the_scratch_folder_may_lie_on_another_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MATTEFLOW_SCRATCH", str(tmp_path / "elsewhere"))
    settings.cache_clear()
    with open_partial_file("a", 100, settings()) as partial:
        assert partial.path.parent == tmp_path / "elsewhere"


@pytest.mark.parametrize("full", ["scratch", "workspace"])
def test_there_must_be_room_on_both_disks(monkeypatch: pytest.MonkeyPatch, full: str) -> None:
    def free(folder: Path) -> int:
        return 0 if folder == getattr(settings(), full) else 1 << 40

    monkeypatch.setattr(partial_file, "_free_bytes", free)
    with suppress(WorldError), open_partial_file("a", 100, settings()) as partial:
        with pytest.raises(WorldError, match=rf"The disk of .*/{full} has 0 MB free") as caught:
            partial.expect(1)
        raise caught.value
