"""COCO instances: its pictures with people, and the outlines that people drew of them."""

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import Field

from tasks.common.errors import InputError
from tasks.common.files import digest_bytes
from tasks.common.records import Annotation, Source
from tasks.download.sources.collection import Collection, Context
from tasks.download.sources.slug import unique_slug


class CocoCollection(Collection):
    """`coco: instances.json`, and in `images` the folder (or web address) of the pictures.

    Pictures in which a crowd is outlined as one are left out unless `crowds` is set: nobody can
    say there who is one person.
    """

    coco: str
    images: str
    category: str = "person"
    crowds: bool = False
    channel: str = Field("coco", min_length=1)

    def sources(self, context: Context) -> Iterator[Source]:
        """Yield a source per picture with people, each with its annotation."""
        path = context.path(self.coco)
        values = _read(path)
        try:
            wanted = {c["id"] for c in values["categories"] if c["name"] == self.category}
            people: dict[Any, list[Any]] = defaultdict(list)
            for one in values["annotations"]:
                if one["category_id"] in wanted:
                    people[one["image_id"]].append(one)
            licences = {one["id"]: one.get("name") for one in values.get("licenses", ())}
            n_found = 0
            for image in sorted(values["images"], key=lambda image: str(image["file_name"])):
                own = people.get(image["id"], [])
                if own and (self.crowds or not any(one.get("iscrowd") for one in own)):
                    n_found += 1
                    yield self._source(image, own, licences, path, context)
        except (KeyError, TypeError) as error:
            raise InputError(
                f"{path} is not COCO instances: {type(error).__name__} {error}. Expected the keys "
                "images, annotations and categories, as in instances_val2017.json."
            ) from error
        if not n_found:
            raise InputError(f"{path} has no picture with a {self.category}.")

    def _source(
        self,
        image: dict[str, Any],
        people: list[dict[str, Any]],
        licences: dict[Any, Any],
        path: Path,
        context: Context,
    ) -> Source:
        told = {
            "width": image["width"],
            "height": image["height"],
            "people": [one["segmentation"] for one in people if not one.get("iscrowd")],
        }
        name = str(image["file_name"])
        return self.source(
            unique_slug(name),
            self._address(name, context),
            kind="image",
            licence=licences.get(image.get("license")),
            attribution=image.get("flickr_url"),
            listing=self.channel,
            entry=str(image["id"]),
            shared_at=image.get("date_captured"),
            annotation=_keep(told, self.channel, context),
        )

    def _address(self, name: str, context: Context) -> str:
        if "://" in self.images:
            return f"{self.images.rstrip('/')}/{name}"
        folder = context.path(self.images)
        path = (folder / name).resolve()
        if not path.is_relative_to(folder.resolve()):
            raise InputError(f"The picture {name} lies outside of {folder}.")
        return str(path)


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as stream:
            values = json.load(stream)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(values, dict):
        raise InputError(f"{path} holds no JSON object.")
    return values


def _keep(told: dict[str, Any], channel: str, context: Context) -> Annotation:
    """Put what is said of one picture into the workspace, where any worker finds it."""
    data = json.dumps(told, separators=(",", ":")).encode()
    digest = digest_bytes(data)
    path = f"annotations/{digest[:2]}/{digest}.json"
    if context.workspace.read(path) is None:
        context.workspace.write(path, data)
    return Annotation(channel=channel, path=path, digest=digest)
