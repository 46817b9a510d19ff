"""A published sample: the part that versions are compared by, and its row in `samples.csv`."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, get_args

import pandas as pd
import pyarrow as pa

from tasks.common.records import Projection, Source
from tasks.common.schema.boxes import Box
from tasks.common.schema.columns import (
    SPARSE,
    Prefix,
    columns_of,
    encode_row,
    filled_columns,
    from_table,
    table_of,
)
from tasks.common.schema.csv_text import from_cells
from tasks.common.schema.layout import (
    SamplePaths,
    Split,
    TreeFile,
    digests_of,
    parse_image,
    sample_paths,
)
from tasks.common.schema.provenance import Provenance
from tasks.common.schema.views import View

ChangeKind = Literal[
    "added", "removed", "mask_changed", "image_changed", "split_changed", "scenes_changed"
]
"""How a sample differs between two versions. The words are keys in the JSON of `matteflow diff`;
changelogs and pages write them with spaces."""
KINDS: tuple[ChangeKind, ...] = get_args(ChangeKind)
# No scene id holds one; see `SceneId`.
_SCENE_SEPARATOR = ";"


@dataclass(frozen=True)
class Sample:
    """The properties by which a sample is compared between two versions.

    All of them follow from the table of a version's files, which stays when `gc` deletes the files
    of a retired version.
    """

    stem: str
    split: str
    scenes: tuple[str, ...]
    image_digest: str
    mask_digest: str
    channel: str | None  # annotation source

    @property
    def paths(self) -> SamplePaths:
        """The paths of its image and annotation in the tree."""
        return sample_paths(self.split, self.stem)


def changes_between(before: Sample | None, after: Sample | None) -> tuple[ChangeKind, ...]:
    """Return the ways in which a sample differs, in the order of `KINDS`.

    None stands for a version without the sample. The order of scenes makes no difference.
    """
    if before is None or after is None:
        return () if before is after else ("added",) if before is None else ("removed",)
    changed: Mapping[ChangeKind, bool] = {
        "mask_changed": before.mask_digest != after.mask_digest,
        "image_changed": before.image_digest != after.image_digest,
        "split_changed": before.split != after.split,
        "scenes_changed": set(before.scenes) != set(after.scenes),
    }
    return tuple(kind for kind in KINDS if changed.get(kind))


def samples_in(files: Iterable[TreeFile]) -> dict[str, Sample]:
    """Return the samples of a tree by stem, from the table of its files."""
    files = list(files)
    digests = digests_of(files)
    samples = {}
    for file in files:
        parsed = parse_image(file.name)
        if parsed is None:
            continue
        split, stem = parsed
        mask = digests[sample_paths(split, stem).mask]
        samples[stem] = Sample(stem, split, file.scenes or (), file.digest, mask, file.channel)
    return samples


@dataclass(frozen=True)
class SampleRow:
    """A row of `samples.csv`: its fields are the columns, in this order."""

    stem: str
    split: Split
    scenes: tuple[str, ...]  # separated by ; in the file
    group: str
    source_id: str
    media_id: str
    time_s: float
    licence: str | None
    provenance: Provenance
    channel: str
    width_px: int
    height_px: int
    n_boxes: int  # detected people who reach into the picture, the sample's own among them
    subject_share: float | None
    crop_box_xyxy: Box  # whole px of the frame
    box_in_crop_xyxy: Box  # whole px of the crop: what is published of it
    hash: str | None
    mirror_hash: str | None
    # The share of its pixels that is 255, as another person may be there; None by older programs.
    ignored_share: float | None = None
    trust: float | None = None  # the probability that the mask is good, as it was judged
    # Of samples out of 360 spheres: how the source shows directions, the view that was taken out of
    # it, and its size, in px of which `crop_box_xyxy` is.
    projection: Annotated[Projection | None, SPARSE] = None
    view_size_wh: Annotated[tuple[int, int] | None, SPARSE] = None
    view: Annotated[View | None, Prefix("view"), SPARSE] = None
    # Where curators decided: the actions, such as keep;good_mask;scene, and who decided.
    decision: Annotated[str | None, SPARSE] = None
    decided_by: Annotated[str | None, SPARSE] = None

    @property
    def paths(self) -> SamplePaths:
        """The paths of its image and annotation in the tree."""
        return sample_paths(self.split, self.stem)

    @property
    def keys(self) -> tuple[str, ...]:
        """Its group keys; samples that share one must be in the same split."""
        return group_keys(
            self.source_id, [self.media_id], self.provenance.uploader, self.provenance.session
        )

    def sample(self, digests: Mapping[str, str]) -> Sample:
        """Return the sample of this row; `digests` are those of the tree, by file name."""
        image, mask = (digests[name] for name in self.paths)
        return Sample(self.stem, self.split, self.scenes, image, mask, self.channel)


def group_keys(
    source_id: str | None,
    media_ids: Iterable[str | None],
    uploader: str | None,
    session: str | None,
) -> tuple[str, ...]:
    """Return the group keys of a source: its id, its media, its uploader, its session.

    Sources that share a key belong to one group, which is never divided between splits. A session
    is a key of its own: two uploaders at one wedding film the same guests.
    """
    media = sorted({media_id for media_id in media_ids if media_id})
    named = [("source", source_id), *(("media", media_id) for media_id in media)]
    named += [("uploader", uploader), ("session", session)]
    return tuple(f"{kind} {name}" for kind, name in named if name)


def keys_of_source(source: Source, media_ids: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the group keys of a source whose samples come from these media."""
    return group_keys(source.source_id, media_ids, source.uploader, source.session)


SAMPLE_COLUMNS = columns_of(SampleRow)


def plain_row(row: SampleRow) -> dict[str, object]:
    """Return a row's values by column, as `samples.csv` holds them."""
    return encode_row(row) | {"scenes": _SCENE_SEPARATOR.join(row.scenes)}


def sample_frame(rows: Iterable[SampleRow]) -> pd.DataFrame:
    """Return `samples.csv` as a frame."""
    plain = list(map(plain_row, rows))
    frame: pd.DataFrame = table_of(plain, filled_columns(SampleRow, plain)).to_pandas()
    return frame


def rows_of_frame(frame: pd.DataFrame) -> list[SampleRow]:
    """Return the rows of `samples.csv`; columns that older programs did not write hold None.

    Raises:
        ValueError: a value is not of its column's type.
    """
    # By name, so that a column that a later program adds does not break this one.
    known = {name: dtype for name, dtype in SAMPLE_COLUMNS.items() if name in frame.columns}
    typed = from_cells(frame[list(known)]).astype(known).reindex(columns=list(SAMPLE_COLUMNS))
    scenes = [_json_scenes(value) for value in typed["scenes"]]
    typed["scenes"] = pd.array(scenes, dtype="string")
    return from_table(SampleRow, pa.Table.from_pandas(typed, preserve_index=False))


def _json_scenes(value: object) -> str:
    names = value.split(_SCENE_SEPARATOR) if isinstance(value, str) and value else []
    return json.dumps(names)
