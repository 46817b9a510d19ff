"""Folders in mmsegmentation's Custom format: pictures and their masks."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import Field

from tasks.common.errors import InputError
from tasks.common.files import digest_bytes
from tasks.common.records import Annotation, Source
from tasks.download.fetchers.local import local_uri
from tasks.download.sources.collection import Collection, Context
from tasks.download.sources.folder import find_media, leads_out, printable
from tasks.download.sources.skipped import Skipped
from tasks.download.sources.slug import unique_slug


class CustomCollection(Collection):
    """`custom: FOLDER` with `img_dir` and `ann_dir`; `name` names its annotation source.

    `person` are the codes of the masks that mean person. Each mask counts as one person. As in
    mmsegmentation a picture's path without `image_suffix`, with `mask_suffix` instead, is that of
    its mask; without `image_suffix` any suffix of a picture is taken off.
    """

    custom: str
    name: str = Field("", description="else the folder's own name")
    images: str = "img_dir"
    masks: str = "ann_dir"
    person: tuple[int, ...] = Field((1,), min_length=1)
    mask_suffix: str = Field(".png", pattern=r"^[^/]+$")
    image_suffix: str = Field("", pattern=r"^[^/]*$")

    def sources(self, context: Context) -> Iterator[Source]:
        """Yield a source per picture that has a mask; those without are counted."""
        root = context.path(self.custom)
        images, masks = root / self.images, root / self.masks
        if not images.is_dir() or not masks.is_dir():
            raise InputError(
                f"{root} is no Custom folder: expected {self.images} and {self.masks} in it."
            )
        pictures = find_media(images, context.settings, context.skipped, within=root)
        if not pictures:
            raise InputError(f"{images} holds no picture.")
        name = self.name or root.name
        without: list[tuple[Path, Path]] = []
        n_sources = 0
        for picture in pictures:
            relative = picture.relative_to(images)
            mask = masks / relative.with_name(self._stem(relative) + self.mask_suffix)
            # One picture without a mask costs only that picture. It is no background either.
            if not mask.is_file() or leads_out(mask, root):
                without.append((relative, mask))
                continue
            n_sources += 1
            yield self.source(
                unique_slug(f"{name}-{printable(relative)}"),
                local_uri(picture.resolve()),
                kind="image",
                listing=name,
                entry=printable(relative),
                annotation=self._annotation(mask, name, context),
            )
        if not n_sources:
            raise InputError(
                f"None of the {len(pictures)} pictures of {images} has a mask; for "
                f"{without[0][0]} it would be {without[0][1]}. If masks end otherwise, say so with "
                "mask_suffix, and with image_suffix if pictures have an ending of their own."
            )
        context.skipped.extend(Skipped("no_mask", printable(path)) for path, _ in without)

    def _stem(self, relative: Path) -> str:
        if self.image_suffix and relative.name.endswith(self.image_suffix):
            return relative.name.removesuffix(self.image_suffix)
        return relative.stem

    def _annotation(self, mask: Path, name: str, context: Context) -> Annotation:
        try:
            data = mask.read_bytes()
        except OSError as error:
            raise InputError(f"The mask {mask} cannot be read: {error.strerror}.") from error
        # The mask is copied into the workspace: the worker that downloads may not see this folder.
        digest = digest_bytes(data)
        path = f"annotations/{digest[:2]}/{digest}.png"
        if context.workspace.read(path) is None:
            context.workspace.write(path, data)
        return Annotation(
            channel=f"custom {name}", path=path, digest=digest, person_values=self.person
        )
