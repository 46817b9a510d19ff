"""Weights of one's own: a file gets an entry in the catalogue of this machine."""

import shutil
from pathlib import Path

from pydantic import ValidationError
from ruamel.yaml import YAML

from tasks.common.errors import InputError
from tasks.common.files import digest_file, replacing
from tasks.common.validation import explain_validation
from tasks.common.weights.catalogue import Weights, catalogue, own_catalogue

# What may feed a model of a role. Matting and taggers name a class of another library: no list.
_SESSIONS = {"person-detector": (None,), "pose": ("yolo",), "segmentation": ("yolo", "sam2")}


def add_weights(file: Path, models: Path, entry: dict[str, object]) -> Weights:
    """Copy a file into the models folder and enter it, by its sha256, in the machine's catalogue.

    `entry` holds the fields of `Weights` but file and sha256.

    Raises:
        InputError: the file is not there, its name or the entry's is taken, or the entry's fields
            do not go together. Nothing was written.
    """
    if not file.is_file():
        raise InputError(f"There is no file {file}. Give the path of a model file.")
    try:
        added = Weights.model_validate({**entry, "file": file.name, "sha256": digest_file(file)})
    except ValidationError as error:
        raise InputError(explain_validation(error, "add-weights", Weights)) from error
    _require_usable(added)
    _require_free(added)
    with file.open("rb") as source, replacing(models / added.file) as copy:
        shutil.copyfileobj(source, copy)
    _enter(added, own_catalogue(models))
    return added


def _require_usable(entry: Weights) -> None:
    sessions = _SESSIONS.get(entry.role)
    if sessions is not None and entry.session not in sessions:
        wanted = " or ".join(f"--session {name}" for name in sessions if name) or "no --session"
        raise InputError(f"Weights of the role {entry.role} take {wanted}, not {entry.session}.")
    if sessions is None and entry.session is None:
        raise InputError(
            f"Weights of the role {entry.role} need --session, the class that feeds them: for "
            "matting one of rembg's, such as isnet-general-use; for a tagger open_clip's."
        )
    if entry.role == "person-detector" and not entry.person_classes:
        raise InputError(
            "A person detector needs --person-class, the number of a class that means a person: 0 "
            "for models that were trained on COCO. Give it several times for several classes."
        )
    if entry.session == "sam2" and not entry.file.startswith("sam2"):
        raise InputError(
            f"ultralytics chooses a SAM 2 network by the file's name: expected one such as "
            f"sam2.1_t.pt, not {entry.file}. Give the file the name that it was published under."
        )


def _require_free(entry: Weights) -> None:
    for known in catalogue().values():
        if known.name == entry.name:
            raise InputError(
                f"The catalogue has weights {entry.name!r} already, with sha256 "
                f"{known.sha256[:12]}…. Give yours another --name."
            )
        if known.file == entry.file:
            raise InputError(
                f"The weights {known.name} of the catalogue lie in a file of the name "
                f"{entry.file}. Rename yours."
            )


def _enter(entry: Weights, path: Path) -> None:
    yaml = YAML()
    content = yaml.load(path.read_text(encoding="utf-8")) if path.is_file() else {"weights": {}}
    values = entry.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude={"name"})
    content["weights"][entry.name] = values
    with replacing(path) as stream:
        yaml.dump(content, stream)
