"""Weights are loaded from the bytes whose digest was compared, whatever becomes of the file."""

from pathlib import Path

import pytest

from tasks.common.errors import WeightsError
from tasks.common.files import digest_bytes
from tasks.common.weights import fetch
from tasks.common.weights.catalogue import Upstream, Weights
from tasks.common.weights.verified import verified_weights

BYTES = b"the weights of a small model" * 100_000  # several blocks
OTHER = b"code of somebody else"


@pytest.fixture
def weights(tmp_path: Path) -> Weights:
    (tmp_path / "tiny.pt").write_bytes(BYTES)
    fetch._require_once.cache_clear()
    return Weights.model_validate(
        {
            "name": "tiny",
            "role": "matting",
            "file": "tiny.pt",
            "sha256": digest_bytes(BYTES),
            "licence": "MIT",
            "from": (Upstream(url="https://nowhere.invalid/tiny.pt"),),
        }
    )


def test_a_file_that_changes_before_it_is_loaded_is_loaded_as_it_was(
    tmp_path: Path, weights: Weights
) -> None:
    with verified_weights(weights, tmp_path) as path:
        (tmp_path / "tiny.pt").write_bytes(OTHER)
        assert path.name == "tiny.pt"
        assert path.read_bytes() == BYTES


def test_the_verified_bytes_cannot_be_changed(tmp_path: Path, weights: Weights) -> None:
    with verified_weights(weights, tmp_path) as path:
        with pytest.raises(PermissionError):
            path.write_bytes(OTHER)
        assert path.read_bytes() == BYTES
    assert not path.exists()
    assert not path.parent.exists()


def test_a_file_that_changed_since_it_was_fetched_is_not_loaded(
    tmp_path: Path, weights: Weights
) -> None:
    with verified_weights(weights, tmp_path):
        pass
    (tmp_path / "tiny.pt").write_bytes(OTHER)  # the process has compared it, and will not again
    with (
        pytest.raises(WeightsError, match="changed while they were loaded"),
        verified_weights(weights, tmp_path),
    ):
        raise AssertionError("it was loaded")


def test_a_loader_that_searches_the_folder_finds_nothing_else(
    tmp_path: Path, weights: Weights
) -> None:
    (tmp_path / "models" / "tiny").mkdir(parents=True)
    (tmp_path / "models" / "tiny" / "tiny.pt").write_bytes(OTHER)
    with verified_weights(weights, tmp_path) as path:
        assert [entry.name for entry in path.parent.rglob("*")] == ["tiny.pt"]
