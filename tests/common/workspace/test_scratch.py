import os
from pathlib import Path

import pytest

from tasks.common.settings import settings
from tasks.common.workspace.scratch import scratch_folder, sweep_scratch


def test_a_scratch_folder_is_gone_afterwards_also_after_an_error() -> None:
    with scratch_folder(settings(), "sample") as folder:
        (folder / "a.jpg").write_bytes(b"x")
        assert folder.parent == settings().scratch
    assert not folder.exists()
    with pytest.raises(KeyError), scratch_folder(settings(), "sample") as folder:
        raise KeyError
    assert list(settings().scratch.iterdir()) == []


def age(path: Path, seconds: float) -> None:
    then = path.stat().st_mtime - seconds
    os.utime(path, (then, then))


def test_what_was_left_long_ago_is_removed_and_nothing_else() -> None:
    assert sweep_scratch(settings(), 60.0) == 0
    folder = settings().scratch
    (folder / "sample-x").mkdir(parents=True)
    (folder / "sample-x" / "a.jpg").write_bytes(b"x")
    (folder / "download-old.part").write_bytes(b"x")
    (folder / "download-new.part").write_bytes(b"x")
    age(folder / "sample-x", 100.0)
    age(folder / "download-old.part", 100.0)
    assert sweep_scratch(settings(), 60.0) == 2
    assert [path.name for path in folder.iterdir()] == ["download-new.part"]
