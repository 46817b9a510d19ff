"""A decoder that malformed media have taken over costs its source, and touches nothing else."""

from pathlib import Path
from typing import Any

import pytest

from tasks.common.errors import SourceError
from tasks.sample import stage
from tests.download.fetching import files_below
from tests.sample import lying
from tests.sample.running import sample_file
from tests.sample.videos import regular, write_numbered


@pytest.mark.service
@pytest.mark.parametrize("lie", lying.LIES, ids=lambda lie: lie.__name__)
def test_what_a_decoder_says_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lie: Any
) -> None:
    clip = write_numbered(tmp_path / "clip.mp4", regular(5))
    monkeypatch.setattr(stage, "sample_in_worker", lie)
    with pytest.raises(SourceError, match="Decoding was stopped: The worker"):
        sample_file(clip, tmp_path / "w", every_s=0.1)
    assert clip.exists()
    assert not [name for name in files_below(tmp_path / "w") if name.startswith("sample/")]
