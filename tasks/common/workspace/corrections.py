"""Corrections: masks that people drew, kept by media, append-only and addressed by content.

    corrections/<media_id>/<sha256>.png   a mask, named by the digest of its bytes
    corrections/<media_id>/<id>.json      the record, named by what it says but for the time

The record is written last. A crash before it leaves masks that nothing names, which do no harm:
receiving the same files again writes the record.
"""

from collections.abc import Iterable
from datetime import datetime

from pydantic import Field

from tasks.common.digests import content_key
from tasks.common.errors import ArtifactError
from tasks.common.media.images import Mask, read_grey
from tasks.common.records import Projection, Record
from tasks.common.schema.boxes import Box
from tasks.common.workspace.artifacts import Workspace

FOLDER = "corrections"
Corners = tuple[float, float, float, float]


class Correction(Record):
    """A mask that a person drew over a machine mask, and where in the media it lies.

    It belongs to pixels of a frame, not to a run: another detector, matting model or recipe that
    cuts out the same person at the same moment finds it again.
    """

    media_id: str
    time_s: float
    frame_size_wh: tuple[int, int]
    projection: Projection = "flat"
    region_xyxy: Corners = Field(description="what the picture shows, whole px of the frame")
    person_xyxy: Corners = Field(description="the person's box, px of the frame")
    sample: str = Field(description="the crop's id when the work order was written")
    picture_digest: str = Field(description="sha256 of the crop's picture")
    base_digest: str = Field(description="sha256 of the mask that was sent")
    mask_digest: str = Field(description="sha256 of the mask that came back")
    annotator: str = Field(min_length=1)
    channel: str = Field(min_length=1, description="the tool: ps, fkw, cvat, …")
    order: str = Field(description="the work order")
    received_at: datetime
    minutes: float | None = Field(None, ge=0, description="working time, if known")
    is_polygon: bool = Field(False, description="drawn as polygons, which lose fine outlines")
    is_check: bool = Field(False, description="of a hidden known mask: rates, changes nothing")
    p_good: float | None = Field(None, description="trust in the mask that was sent, if measured")

    @property
    def id(self) -> str:
        """The name of the record: the same mask by the same person is one correction."""
        return content_key(
            "correction",
            [self.media_id, self.time_s, self.region_xyxy, self.person_xyxy],
            [self.base_digest, self.mask_digest, self.annotator, self.channel],
        )

    @property
    def region(self) -> Box:
        """What the picture shows, in whole px of the frame."""
        return Box.of(self.region_xyxy)

    @property
    def person(self) -> Box:
        """The person's box in px of the frame."""
        return Box.of(self.person_xyxy)

    @property
    def path(self) -> str:
        """The path of the record in the workspace."""
        return f"{FOLDER}/{self.media_id}/{self.id}.json"


def mask_path(media_id: str, digest: str) -> str:
    """Return the path of a mask of a media, sent or corrected, in the workspace."""
    return f"{FOLDER}/{media_id}/{digest}.png"


def read_corrections(workspace: Workspace, media_id: str) -> tuple[Correction, ...]:
    """Return the corrections of a media, oldest first.

    Raises:
        ArtifactError: a record is damaged; without it human work would be lost unnoticed.
    """
    names = [name for name in workspace.names(f"{FOLDER}/{media_id}") if name.endswith(".json")]
    # By `read`: another machine may have received or removed some since.
    contents = {name: workspace.read(name) for name in names}
    records = [_parse(name, data) for name, data in contents.items() if data is not None]
    return tuple(sorted(records, key=lambda record: (record.received_at, record.id)))


def applied(corrections: Iterable[Correction]) -> list[Correction]:
    """Return the corrections that change masks: all but those of hidden known masks."""
    return [correction for correction in corrections if not correction.is_check]


def media_with_corrections(workspace: Workspace) -> list[str]:
    """Return the media that have corrections, sorted."""
    names = workspace.names(FOLDER)
    return sorted({name.split("/")[1] for name in names if name.endswith(".json")})


def count_corrections(workspace: Workspace, media_ids: Iterable[str]) -> int:
    """Return how many corrections some media have, from listings alone."""
    listings = (workspace.names(f"{FOLDER}/{media_id}") for media_id in media_ids)
    return sum(name.endswith(".json") for names in listings for name in names)


def is_corrected(workspace: Workspace, media_id: str) -> bool:
    """Say whether a media has corrections, from a listing alone."""
    return count_corrections(workspace, [media_id]) > 0


def read_mask(workspace: Workspace, media_id: str, digest: str) -> Mask:
    """Return a mask of a media, uint8 (H, W).

    Raises:
        ArtifactError: the file is missing or is not the one that was written.
    """
    path = mask_path(media_id, digest)
    if not workspace.is_whole(path, digest):
        raise ArtifactError(f"The mask {path} is missing or damaged. Restore it from a backup.")
    return read_grey(workspace.path(path))


def write_mask(workspace: Workspace, media_id: str, digest: str, png: bytes) -> None:
    """Write a mask of a media, unless it is there."""
    path = mask_path(media_id, digest)
    if workspace.read(path) != png:
        workspace.write(path, png)


def append_correction(workspace: Workspace, correction: Correction, png: bytes) -> bool:
    """Write a correction with its mask; say whether it is new. A known one stays as it is."""
    if workspace.read(correction.path) is not None:
        return False
    write_mask(workspace, correction.media_id, correction.mask_digest, png)
    # Last: with the record the correction exists, and its mask is there by then.
    workspace.write(correction.path, correction.model_dump_json(indent=1).encode())
    return True


def remove_corrections(workspace: Workspace, media_ids: Iterable[str]) -> int:
    """Remove all corrections of some media and the masks that were sent; return their number.

    For takedowns only: corrections are never removed otherwise.
    """
    names = [name for media in media_ids for name in workspace.names(f"{FOLDER}/{media}")]
    # Records first: a record without its mask would stop every later run.
    records = [name for name in names if name.endswith(".json")]
    workspace.remove(records)
    workspace.remove(name for name in names if name not in records)
    return len(records)


def _parse(name: str, data: bytes) -> Correction:
    try:
        return Correction.model_validate_json(data)
    except ValueError as error:
        raise ArtifactError(
            f"The correction {name} is damaged. Restore it from a backup: until then this source "
            "cannot be filtered or published."
        ) from error
