"""COCO instances: pictures with people, and their annotated segmentations."""

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tasks.common.errors import InputError
from tasks.common.files import digest_bytes
from tasks.common.records import Annotation, Source
from tasks.common.validation import explain_validation
from tasks.download.labels import PeopleInPicture
from tasks.download.sources.collection import Collection, Context
from tasks.download.sources.skipped import Skipped, describe_skipped
from tasks.download.sources.slug import unique_slug

_Id = int | str
_LEAST_NUMBERS = 6  # of a polygon: three points


class _Part(BaseModel):
    """Base of the parts of a COCO file; data sets add keys of their own, which are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class _Category(_Part):
    id: _Id
    name: str


class _Licence(_Part):
    id: _Id
    name: str | None = None


class _Image(_Part):
    id: _Id
    file_name: str
    width: int
    height: int
    license: _Id | None = None
    flickr_url: str | None = None
    date_captured: str | None = None


class _Person(_Part):
    image_id: _Id
    category_id: _Id
    segmentation: Any = None  # polygons or run lengths; checked when it is drawn
    bbox: Any = None  # x, y, width, height
    iscrowd: int = 0


class _Instances(_Part):
    """A COCO file of the kind `instances_val2017.json`."""

    images: list[_Image]
    annotations: list[_Person]
    categories: list[_Category]
    licenses: list[_Licence] = []


class CocoCollection(Collection):
    """`coco: instances.json`, and in `images` the folder (or URL) of the pictures.

    Pictures with a crowd annotation (`iscrowd`) are left out unless `crowds` is set: in a crowd the
    people are not separated. People without an outline, and crowds, become pixels to be ignored;
    where not even a box says where they are, the picture is left out.
    """

    coco: str
    images: str
    category: str = "person"
    crowds: bool = False
    channel: str = Field("coco", min_length=1)

    def sources(self, context: Context) -> Iterator[Source]:
        """Yield a source per picture with people, each with its annotation."""
        path = context.path(self.coco)
        instances = _read(path)
        people = self._people_by_image(instances)
        licences = {licence.id: licence.name for licence in instances.licenses}
        n_sources = 0
        # By name, since COCO files of one dataset come in different orders, and the order of a list
        # decides between duplicates.
        for image in sorted(instances.images, key=lambda image: image.file_name):
            own = people.get(str(image.id), [])
            if not own:
                continue
            # All or nothing: a picture with an unlabelled person would teach that they are
            # background.
            is_crowd = any(person.iscrowd for person in own) and not self.crowds
            if is_crowd or not all(map(_has_place, own)):
                context.skipped.append(Skipped("no_outline", image.file_name))
                continue
            if any(map(_is_outlined, own)):
                n_sources += 1
                licence = None if image.license is None else licences.get(image.license)
                yield self._source(image, own, licence, context)
        if not n_sources:
            names = ", ".join(sorted({entry.name for entry in instances.categories})) or "none"
            raise InputError(
                f"{path} has no picture with an outlined {self.category}. Its categories: {names}; "
                "name the one that means person with `category`. "
                + " ".join(describe_skipped(context.skipped))
            )

    def _people_by_image(self, instances: _Instances) -> dict[str, list[_Person]]:
        categories = {
            str(entry.id) for entry in instances.categories if entry.name == self.category
        }
        # As text: some tools write the ids of one file both as numbers and as text.
        people: dict[str, list[_Person]] = defaultdict(list)
        for annotation in instances.annotations:
            if str(annotation.category_id) in categories:
                people[str(annotation.image_id)].append(annotation)
        return people

    def _source(
        self, image: _Image, people: list[_Person], licence: str | None, context: Context
    ) -> Source:
        picture = PeopleInPicture(
            width=image.width,
            height=image.height,
            # A crowd's segmentation covers many people, so it can be nobody's mask.
            people=[person.segmentation for person in people if _is_outlined(person)],
            ignored=[_place(person) for person in people if not _is_outlined(person)],
        )
        return self.source(
            unique_slug(image.file_name),
            self._uri(image.file_name, context),
            kind="image",
            licence=licence,
            attribution=image.flickr_url,
            listing=self.channel,
            entry=str(image.id),
            shared_at=image.date_captured,
            annotation=_store(picture, self.channel, context),
        )

    def _uri(self, name: str, context: Context) -> str:
        if "://" in self.images:
            return f"{self.images.rstrip('/')}/{name}"
        folder = context.path(self.images)
        # As Label Studio and tools on Windows write names: escaped, with backslashes, with the
        # folders of their own server before them.
        slashed = unquote(name).replace("\\", "/")
        for candidate in (name, name.replace("\\", "/"), slashed, PurePosixPath(slashed).name):
            path = (folder / candidate).resolve()
            # The file names are untrusted: `..` could lead to any file of this machine.
            if path.is_relative_to(folder.resolve()) and path.is_file():
                return str(path)
        path = (folder / name).resolve()
        if not path.is_relative_to(folder.resolve()):
            raise InputError(
                f"The picture {name} lies outside of {folder}, and {PurePosixPath(slashed).name} "
                "is not in it. Put the pictures into that folder, or correct `images`."
            )
        return str(path)


def _is_outlined(person: _Person) -> bool:
    """Say whether an annotation is the mask of one person."""
    if person.iscrowd:
        return False
    if isinstance(person.segmentation, list):
        # Two points make no area; any other malformed outline is reported when it is drawn.
        sizes = [len(part) for part in person.segmentation if isinstance(part, list)]
        return len(sizes) < len(person.segmentation) or any(n >= _LEAST_NUMBERS for n in sizes)
    return person.segmentation is not None


def _has_place(person: _Person) -> bool:
    return _is_outlined(person) or _place(person) is not None


def _place(person: _Person) -> Any:
    """Return a segmentation that covers a person without a mask of their own: a crowd's, or a box.

    None where the annotation says nothing of the place.
    """
    if person.iscrowd and person.segmentation:
        return person.segmentation
    try:
        x, y, width, height = map(float, person.bbox)
    except (TypeError, ValueError):
        return None
    if width <= 0 or height <= 0:
        return None
    return [[x, y, x + width, y, x + width, y + height, x, y + height]]


def _read(path: Path) -> _Instances:
    try:
        with path.open("rb") as stream:
            values = json.load(stream)
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read as JSON: {error}") from error
    try:
        return _Instances.model_validate(values)
    except ValidationError as error:
        findings = explain_validation(error, str(path), _Instances).splitlines()
        raise InputError(
            f"{path} is not COCO instances. Expected the keys images, annotations and categories, "
            f"as in instances_val2017.json; {len(findings)} findings, the first: {findings[0]}."
        ) from error


def _store(picture: PeopleInPicture, channel: str, context: Context) -> Annotation:
    """Store the annotation of one picture in the workspace, for the worker that downloads it."""
    # No spaces: there is one such file per picture.
    try:
        data = json.dumps(picture.model_dump(), separators=(",", ":")).encode()
    except (ValueError, RecursionError) as error:
        raise InputError(
            "A segmentation of the COCO file is nested too deeply; expected polygons, or run "
            "lengths with size and counts. Export the file again."
        ) from error
    digest = digest_bytes(data)
    path = f"annotations/{digest[:2]}/{digest}.json"
    if context.workspace.read(path) is None:
        context.workspace.write(path, data)
    return Annotation(channel=channel, path=path, digest=digest)
