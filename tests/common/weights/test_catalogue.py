"""The catalogue of model files."""

import ast
from pathlib import Path

import pytest

from tasks.common.errors import InputError, WeightsError
from tasks.common.weights.catalogue import Role, Weights, catalogue, find_weights
from tasks.common.weights.fetch import is_present, require_weights
from tasks.pose.stage import _ESTIMATORS

ENTRIES = [
    pytest.param(entry, id=name)
    for name, entry in catalogue().items()
    if entry.service is None  # it has no file
]
DETECTORS = [param for param in ENTRIES if param.values[0].role == "person-detector"]  # type: ignore[union-attr]
POSES = [param for param in ENTRIES if param.values[0].role == "pose"]  # type: ignore[union-attr]
MATTING = [param for param in ENTRIES if param.values[0].role == "matting"]  # type: ignore[union-attr]


def _rembg_sessions() -> set[str]:
    """Read the names that rembg's session classes give themselves, without importing rembg."""
    import importlib.util

    spec = importlib.util.find_spec("rembg")
    assert spec is not None
    assert spec.origin is not None
    found = set()
    for path in (Path(spec.origin).parent / "sessions").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name == "name":
                found |= {
                    line.value.value
                    for line in node.body
                    if isinstance(line, ast.Return) and isinstance(line.value, ast.Constant)
                }
    return {name for name in found if isinstance(name, str)}


def test_there_is_something_for_each_role() -> None:
    assert [len(role) > 0 for role in (DETECTORS, POSES, MATTING)] == [True, True, True]


@pytest.mark.parametrize("entry", ENTRIES)
def test_every_file_is_named_by_a_sha256(entry: Weights) -> None:
    assert len(bytes.fromhex(entry.sha256)) == 32


@pytest.mark.parametrize("entry", ENTRIES)
def test_every_file_can_be_had_somewhere(entry: Weights) -> None:
    assert len(entry.origins) >= 1


@pytest.mark.parametrize("entry", ENTRIES)
def test_every_file_has_a_licence(entry: Weights) -> None:
    assert entry.licence.strip() != ""


def test_no_two_entries_share_a_file() -> None:
    files = [entry.file for entry in catalogue().values() if entry.service is None]
    assert sorted(set(files)) == sorted(files)


@pytest.mark.parametrize("entry", DETECTORS)
def test_every_detector_knows_which_classes_are_people(entry: Weights) -> None:
    assert entry.file.endswith(".pt")
    assert len(entry.person_classes) >= 1


@pytest.mark.parametrize("entry", MATTING)
def test_every_matting_model_has_a_session_that_rembg_knows(entry: Weights) -> None:
    assert entry.session in _rembg_sessions()


@pytest.mark.parametrize("entry", POSES)
def test_every_pose_model_has_a_session_that_the_pose_room_knows(entry: Weights) -> None:
    assert entry.session in _ESTIMATORS


@pytest.mark.parametrize("entry", [*DETECTORS, *MATTING])
def test_only_pose_models_are_said_to_give_a_mask_beside_their_answer(entry: Weights) -> None:
    assert entry.gives_mask is False


@pytest.mark.parametrize("change", ["sha256", "session", "person_classes"])
def test_the_identity_changes_with_what_the_model_answers(change: str) -> None:
    entry = find_weights("fall-yolov8s", "person-detector")
    other = {"sha256": "0" * 64, "session": "yolo", "person_classes": (0,)}[change]
    assert entry.model_copy(update={change: other}).identity != entry.identity


@pytest.mark.parametrize("change", ["name", "file", "licence", "origins"])
def test_the_identity_does_not_depend_on_where_the_file_is_from(change: str) -> None:
    entry = find_weights("fall-yolov8s", "person-detector")
    assert entry.model_copy(update={change: "moved"}).identity == entry.identity


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("yolo11n", "matting"),
        ("u2netp", "person-detector"),
        ("yolo11n", "pose"),
        ("blazepose-full", "matting"),
        ("", "matting"),
    ],
)
def test_an_unknown_name_is_refused_with_the_known_ones_of_its_role(name: str, role: Role) -> None:
    known = ", ".join(sorted(k for k, entry in catalogue().items() if entry.role == role))
    with pytest.raises(InputError, match=f"No weights '{name}' for the role {role}") as refused:
        find_weights(name, role)
    assert f"Known: {known}." in str(refused.value)


def test_a_known_name_is_found() -> None:
    assert find_weights("u2netp", "matting").file == "u2netp.onnx"


def test_a_file_that_is_not_here_is_not_present(tmp_path: Path) -> None:
    assert not is_present(find_weights("u2netp", "matting"), tmp_path)


@pytest.mark.parametrize(
    "values",
    [{}, {"file": "a.onnx", "sha256": "a" * 64, "service": "removebg"}],
    ids=["neither", "both"],
)
def test_a_model_is_a_file_or_a_service(values: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="file and sha256, or a service"):
        Weights.model_validate({"name": "x", "role": "matting", "licence": "none", **values})


def test_a_service_has_no_file_to_fetch(tmp_path: Path) -> None:
    removebg = find_weights("removebg", "matting")
    assert not is_present(removebg, tmp_path)
    with pytest.raises(WeightsError, match="is a service"):
        require_weights(removebg, tmp_path)
