"""Which crops are published, under which stem, in which split, in which scenes."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

from tasks.common.errors import ArtifactError
from tasks.common.recipe.bounds import BitBounds
from tasks.common.recipe.publish import PublishRecipe
from tasks.common.recipe.scenes import SceneFinder
from tasks.common.records import Source
from tasks.common.schema.channels import is_human, machine_channel
from tasks.common.schema.layout import Split
from tasks.common.schema.provenance import Provenance
from tasks.common.schema.published import NO_BASE, BaseVersion
from tasks.common.schema.rows import RunCrop
from tasks.common.schema.sample import SampleRow, keys_of_source
from tasks.dataset.carry import (
    Carried,
    carry_over,
    leave_out_named,
    leave_out_near,
    require_no_loss,
)
from tasks.dataset.decisions import has_decided_scenes, with_decisions
from tasks.dataset.diversity import leave_out_alike
from tasks.dataset.group_keys import Member
from tasks.dataset.groups import (
    TIES_BOTH_SPLITS,
    Group,
    Grouping,
    LeftOut,
    find_groups,
    splits_by_pins,
)
from tasks.dataset.inputs import DatasetInputs
from tasks.dataset.near_pairs import HashedPicture
from tasks.dataset.split import choose_splits


class Selected(NamedTuple):
    """A crop that is published, and all that is published about it; None is carried over."""

    crop: RunCrop | None
    source: Source
    row: SampleRow

    @property
    def stem(self) -> str:
        """The name of image and mask without suffix."""
        return self.row.stem


class Selection(NamedTuple):
    """The samples in order of their stems, the groups that have some, and what was left out."""

    samples: list[Selected]
    groups: list[Group]
    left_out: list[LeftOut]

    @property
    def rows(self) -> list[SampleRow]:
        """What is published about the samples."""
        return [sample.row for sample in self.samples]


def choose_samples(
    inputs: DatasetInputs,
    recipe: PublishRecipe,
    base: BaseVersion = NO_BASE,
    bounds: BitBounds | None = None,
) -> Selection:
    """Return the kept crops and the samples carried over from the base version, each in its split.

    `bounds` are those of near-duplicates, between crops and carried samples.

    Raises:
        InputError: pins, or new keys of published sources, put a group in both splits; or a subset
            that accumulates would lose samples.
        ArtifactError: a kept crop has no mask.
    """
    carried = carry_over(inputs, recipe, base)
    # By stem, so that no later choice depends on the order of the source list.
    kept = sorted(inputs.run.of("keep"), key=lambda crop: crop.stem)
    left_out = leave_out_named(kept, base)
    named = {left.stem for left in left_out}
    left_out += leave_out_near([crop for crop in kept if crop.stem not in named], carried, bounds)
    out = {left.stem for left in left_out}
    compared = [crop for crop in kept if crop.stem not in out]
    sources = {source.source_id: source for source in inputs.sources}
    # Of a source that failed today, the published samples follow what was said of it then.
    sources |= {entry.source.source_id: entry.source for entry in carried}
    grouping = _group(list(sources.values()), inputs, compared, carried, recipe, base)
    left_out += [*grouping.left_out, *_of_excluded_sources(compared, carried, grouping)]
    out = {left.stem for left in left_out}
    if recipe.per_track is not None:
        rest = [crop for crop in kept if crop.stem not in out]
        left_out += leave_out_alike(rest, recipe.per_track, base.samples.keys())
        out = {left.stem for left in left_out}
    # One split for a test subset; `val` is where mmsegmentation's test loader looks for it.
    val_share = 1.0 if recipe.role == "test" else recipe.val_share
    splits = choose_splits(grouping.groups, val_share)
    group_of = {m.source_id: group.name for group in grouping.groups for m in group.members}
    finder = SceneFinder(recipe)

    def select(stem: str, source_id: str, crop: RunCrop | None) -> Selected:
        source, group = sources[source_id], group_of[source_id]
        if crop is not None:
            edits = inputs.scene_decisions.get(stem, ())
            found = finder.of(source, stem, edits)
            row = _row(crop, source, found, group, splits[group])
            return Selected(crop, source, with_decisions(row, crop.verdict, edits))
        # Scenes that a curator assigned stay as they were published: without a crop of today
        # nothing says where the decision belongs.
        published = base.rows[stem]
        scenes = published.scenes if has_decided_scenes(published) else finder.of(source, stem)
        row = replace(published, scenes=scenes, group=group, split=splits[group])
        return Selected(None, source, row)

    own = [(crop.stem, crop.source_id, crop) for crop in kept]
    others = [(entry.row.stem, entry.row.source_id, None) for entry in carried]
    samples = [
        select(*entry) for entry in sorted([*own, *others], key=_stem) if entry[0] not in out
    ]
    stems = {sample.stem for sample in samples}
    require_no_loss(stems, left_out, inputs, recipe, base)
    groups = [group._replace(split=splits[group.name]) for group in grouping.groups]
    return Selection(samples, groups, sorted(left_out))


def _stem(entry: tuple[str, str, RunCrop | None]) -> str:
    return entry[0]


def _of_excluded_sources(
    kept: Iterable[RunCrop], carried: Iterable[Carried], grouping: Grouping
) -> list[LeftOut]:
    stems = [(crop.stem, crop.source_id) for crop in kept]
    stems += [(entry.row.stem, entry.row.source_id) for entry in carried]
    return [
        LeftOut(stem, TIES_BOTH_SPLITS, grouping.excluded[source_id])
        for stem, source_id in stems
        if source_id in grouping.excluded
    ]


def _group(
    sources: Sequence[Source],
    inputs: DatasetInputs,
    kept: Sequence[RunCrop],
    carried: Sequence[Carried],
    recipe: PublishRecipe,
    base: BaseVersion,
) -> Grouping:
    is_test = recipe.role == "test"  # a test subset has one split, so no group can be in two
    owned = [(crop.source_id, crop.crop.media_id) for crop in kept]
    owned += [(entry.row.source_id, entry.row.media_id) for entry in carried]
    hashes = [
        (crop.stem, crop.source_id, crop.verdict.hash, crop.verdict.mirror_hash) for crop in kept
    ]
    hashes += [
        (row.stem, row.source_id, row.hash, row.mirror_hash) for row in (c.row for c in carried)
    ]
    return find_groups(
        _members(sources, owned, inputs.run.repeated_sources()),
        [
            HashedPicture(stem, owner, own, mirrored)
            for stem, owner, own, mirrored in hashes
            if own is not None and mirrored is not None
        ],
        inputs.run.near_sources(),
        # A subset that became a test set must not keep samples in train.
        base={} if is_test else base.splits,
        published=base.samples.keys(),
        pins=recipe.pin,
        near_bits=recipe.near_bits,
    )


def _row(
    crop: RunCrop, source: Source, scenes: tuple[str, ...], group: str, split: Split
) -> SampleRow:
    box, matte, verdict = crop.published_box, crop.matte, crop.verdict
    if matte is None or box is None:
        raise ArtifactError(f"{crop.stem} was kept but has no mask; run the ingest again.")
    # `others_xyxy` are in px of the frame, the published box in px of the crop.
    published = box.shift(crop.crop.crop_box_xyxy.x0, crop.crop.crop_box_xyxy.y0)
    return SampleRow(
        stem=crop.stem,
        split=split,
        scenes=scenes,
        group=group,
        source_id=source.source_id,
        media_id=crop.crop.media_id,
        time_s=crop.crop.time_s,
        licence=source.licence,
        provenance=Provenance.of(source, crop.crop.captured_with),
        # An annotated dataset names itself; otherwise the matting model is the annotator.
        channel=matte.channel or machine_channel(matte.model),
        width_px=int(box.width),
        height_px=int(box.height),
        n_boxes=1 + sum(other.overlaps(published) for other in crop.crop.others_xyxy),
        subject_share=verdict.measures["subject_share"],
        crop_box_xyxy=crop.crop.crop_box_xyxy,
        box_in_crop_xyxy=box,
        hash=verdict.hash,
        mirror_hash=verdict.mirror_hash,
        trust=1.0
        if is_human(matte.channel) or verdict.is_mask_confirmed
        else verdict.measures["trust"],
        projection=crop.crop.projection if crop.crop.view else None,
        view_size_wh=crop.crop.frame_size_wh if crop.crop.view else None,
        view=crop.crop.view,
    )


def _members(
    sources: Iterable[Source],
    owned: Sequence[tuple[str, str]] = (),
    same_bytes_as: Mapping[str, str] = MappingProxyType({}),
) -> list[Member]:
    """Return all sources, also those without a sample: their keys still tie others together.

    `owned` has source and media of each sample. `same_bytes_as` names, of sources whose bytes came
    before, the one that had them first.
    """
    counts = Counter(source_id for source_id, _ in owned)
    media: dict[str, set[str]] = {}
    for source_id, media_id in owned:
        media.setdefault(source_id, set()).add(media_id)
    members = []
    for source in sources:
        own = source.source_id
        # The first source of the bytes owns the crops, so only its key ties this source to them.
        first = [f"source {same_bytes_as[own]}"] if own in same_bytes_as else []
        keys = (*keys_of_source(source, media.get(own, ())), *first)
        members.append(Member(own, keys, counts[own]))
    return members


def check_pins(sources: Iterable[Source], recipe: PublishRecipe) -> None:
    """Refuse, before any work, pins that put sources of one group in different splits.

    Raises:
        InputError: two sources of one group are pinned to different splits.
    """
    splits_by_pins(_members(sources), {}, recipe.pin)
