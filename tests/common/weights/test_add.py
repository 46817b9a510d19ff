"""Model files of one's own in the catalogue of a machine."""

from pathlib import Path

import pytest

from flows.cli import main
from tasks.common.errors import InputError, WeightsError
from tasks.common.recipe.models import MatteRecipe
from tasks.common.settings import settings
from tasks.common.weights import catalogue as module
from tasks.common.weights.add import add_weights
from tasks.common.weights.catalogue import catalogue, find_weights, own_catalogue
from tasks.common.weights.fetch import is_present, require_weights

SEGMENTS: dict[str, object] = {
    "name": "yolo11s-seg",
    "role": "segmentation",
    "licence": "AGPL-3.0",
    "session": "yolo",
    "person_classes": (0,),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "yolo11s-seg.pt"
    path.write_bytes(b"weights")
    return path


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A models folder of the test's own: the usual one is shared by all tests."""
    monkeypatch.setenv("MATTEFLOW_MODELS", str(tmp_path / "models"))
    settings.cache_clear()
    return tmp_path / "models"


def _read_again() -> None:
    """Forget the catalogue, as a process that starts later has not read it yet."""
    module._read_both.cache_clear()


def test_a_file_that_was_added_is_known_to_recipes(file: Path, models: Path) -> None:
    add_weights(file, models, SEGMENTS)
    _read_again()
    entry = find_weights("yolo11s-seg", "segmentation")
    assert is_present(entry, models)
    assert entry.person_classes == (0,)
    assert MatteRecipe(model="u2netp", opinions=("yolo11s-seg",)).opinions == ("yolo11s-seg",)


def test_two_files_are_both_kept(file: Path, models: Path) -> None:
    add_weights(file, models, SEGMENTS)
    _read_again()
    other = file.with_name("sam2.1_t.pt")
    other.write_bytes(b"other weights")
    add_weights(other, models, SEGMENTS | {"name": "sam2", "session": "sam2"})
    _read_again()
    assert {"yolo11s-seg", "sam2"} <= catalogue().keys()


def test_a_file_that_changed_later_is_not_loaded(file: Path, models: Path) -> None:
    added = add_weights(file, models, SEGMENTS)
    (models / added.file).write_bytes(b"other weights")
    with pytest.raises(WeightsError, match=r"has no address\. Copy the file with sha256"):
        require_weights(added, models)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "u2netp"}, "has weights 'u2netp' already"),
        ({"session": None}, "--session yolo or --session sam2"),
        ({"session": "sam2"}, "sam2.1_t.pt, not yolo11s-seg.pt"),
        ({"role": "person-detector", "session": "yolo"}, "take no --session"),
        (
            {"role": "person-detector", "session": None, "person_classes": ()},
            "needs --person-class",
        ),
        ({"role": "matting", "session": None}, "need --session"),
        ({"role": "painter"}, "role"),
    ],
)
def test_what_does_not_go_together_is_refused_before_anything_is_written(
    change: dict[str, object], message: str, file: Path, models: Path
) -> None:
    with pytest.raises(InputError, match=message):
        add_weights(file, models, SEGMENTS | change)
    assert not models.exists()


def test_a_file_that_is_not_there_is_named(models: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no file"):
        add_weights(tmp_path / "nothing.pt", models, SEGMENTS)


def test_a_files_name_that_is_taken_is_refused(file: Path, models: Path) -> None:
    taken = file.rename(file.with_name("u2netp.onnx"))
    with pytest.raises(InputError, match="lie in a file of the name"):
        add_weights(taken, models, SEGMENTS)


@pytest.mark.parametrize("text", ["", "weights: 3", "weights: {a: 3}", "[1]"])
def test_a_damaged_catalogue_is_refused_with_its_path(text: str, models: Path) -> None:
    models.mkdir()
    own_catalogue(models).write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="is no catalogue of weights"):
        catalogue()


def test_an_entry_of_the_machine_cannot_replace_one_that_ships(models: Path) -> None:
    models.mkdir()
    own_catalogue(models).write_text(
        "weights:\n  u2netp: {role: matting, file: mine.onnx, licence: mine, sha256: '"
        + "0" * 64
        + "'}\n",
        encoding="utf-8",
    )
    with pytest.raises(InputError, match="ship with the project: u2netp"):
        catalogue()


def test_the_command_says_what_it_added(
    file: Path, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["add-weights", str(file), "--name", "seg", "--role", "segmentation"]
    with pytest.raises(SystemExit) as ended:
        main([*command, "--licence", "AGPL-3.0", "--session", "yolo"])
    assert ended.value.code == 0
    assert "Added seg (segmentation, sha256" in capsys.readouterr().out
