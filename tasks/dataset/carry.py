"""What a subset that accumulates keeps of its base version, and what it must not lose unnoticed.

Membership comes from the base version, not from the runs of a workspace: a workspace may be new,
restored from a backup, or another machine's. Samples whose source this publication did not judge
are carried over as they were published; their files are copied within the store.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from typing import NamedTuple

from tasks.common.errors import ArtifactError, InputError
from tasks.common.recipe.bounds import BitBounds
from tasks.common.recipe.publish import PublishRecipe
from tasks.common.records import Source
from tasks.common.schema.layout import TreeFile, sample_paths
from tasks.common.schema.published import BaseVersion, digest_of_stem
from tasks.common.schema.rows import RunCrop
from tasks.common.schema.sample import SampleRow
from tasks.dataset.groups import TIES_BOTH_SPLITS, LeftOut
from tasks.dataset.inputs import DatasetInputs
from tasks.dataset.near_pairs import HashedPicture, near_pairs

NAMED = "named"
_NEAR = "near_duplicate"
_MAX_NAMES = 20


class Carried(NamedTuple):
    """A sample of the base version that this publication takes over, and its source."""

    row: SampleRow
    source: Source


def carry_over(inputs: DatasetInputs, recipe: PublishRecipe, base: BaseVersion) -> list[Carried]:
    """Return the samples of the base version whose sources and bytes were not judged again.

    Only a subset that accumulates has some. A source that failed was not judged, nor one of which
    the workspace has no run.
    """
    if not recipe.accumulate:
        return []
    judged = {source.source_id for source in inputs.completed}
    media = _judged_media(inputs)
    return [
        Carried(row, base.sources[row.source_id])
        for stem, row in sorted(base.rows.items())
        if row.source_id not in judged and row.media_id not in media and not base.is_dropped(stem)
    ]


def _judged_media(inputs: DatasetInputs) -> set[str]:
    return {*inputs.media_ids.values(), *(crop.crop.media_id for crop in inputs.run.crops)}


def leave_out_named(crops: Iterable[RunCrop], base: BaseVersion) -> list[LeftOut]:
    """Return the kept crops that somebody named with --drop, now or for an earlier version."""
    sentence = "Somebody named it with --drop."
    return [LeftOut(crop.stem, NAMED, sentence) for crop in crops if base.is_dropped(crop.stem)]


def leave_out_near(
    crops: Sequence[RunCrop], carried: Sequence[Carried], bounds: BitBounds | None
) -> list[LeftOut]:
    """Return the kept crops that are near-duplicates of carried samples, which stay.

    `deduplicate` compares crops of runs only, and a carried sample has none.
    """
    if bounds is None or not bounds.kept_from or not carried:
        return []
    rows = {entry.row.stem: entry.row for entry in carried}
    pairs = near_pairs(
        _hashed((crop.stem, crop.verdict.hash, crop.verdict.mirror_hash, "run") for crop in crops),
        _hashed((row.stem, row.hash, row.mirror_hash, "base") for row in rows.values()),
        bounds.kept_from - 1,
    )
    left_out: dict[str, LeftOut] = {}
    for pair in pairs:  # nearest first
        published = rows[pair.stem_b]
        sentence = (
            f"Its hash differs in only {pair.bits} of 64 bits from that of {published.stem} "
            f"(source {published.source_id}), which is published already."
        )
        left_out.setdefault(pair.stem_a, LeftOut(pair.stem_a, _NEAR, sentence))
    return list(left_out.values())


def _hashed(values: Iterable[tuple[str, str | None, str | None, str]]) -> list[HashedPicture]:
    return [
        HashedPicture(stem, owner, own, mirrored)
        for stem, own, mirrored, owner in values
        if own is not None and mirrored is not None
    ]


def carried_files(row: SampleRow, base: BaseVersion) -> list[TreeFile]:
    """Return image and annotation of a carried sample as files without a path in the workspace.

    Raises:
        ArtifactError: the base version's table of files is missing or damaged.
    """
    before = sample_paths(base.rows[row.stem].split, row.stem)
    files = []
    for name, old in zip(row.paths, before, strict=True):
        if old not in base.table:
            raise ArtifactError(
                f"The table of files of {base.label} is missing or damaged, so its samples cannot "
                f"be carried over. Publish the content of {base.label} again, which repairs it."
            )
        known = base.table[old]
        files.append(
            replace(
                known,
                name=name,
                path=None,
                split=row.split,
                scenes=row.scenes,
                source_id=row.source_id,
                licence=row.licence,
                channel=row.channel,
                provenance=row.provenance,
            )
        )
    return files


def require_no_loss(
    stems: Set[str],
    left_out: Iterable[LeftOut],
    inputs: DatasetInputs,
    recipe: PublishRecipe,
    base: BaseVersion,
) -> None:
    """Require that a subset that accumulates loses no sample without a reason.

    Reasons are: it was taken down (then `base.rows` lacks it), it was judged again, or it was
    named. A source with other bytes is another source under an old name, unless the recipe says
    `replace`.

    Raises:
        InputError: samples would be lost; the sentence lists them.
    """
    if not recipe.accumulate:
        return
    why_left_out = {
        left.stem: left.sentence for left in left_out if left.reason == TIES_BOTH_SPLITS
    }
    media = _judged_media(inputs)
    lost = {
        stem: why_left_out.get(stem) or f"the source {row.source_id} has other bytes now"
        for stem, row in sorted(base.rows.items())
        if stem not in stems
        and not base.is_dropped(stem)
        and (stem in why_left_out or _is_replaced(row, inputs.media_ids, media, recipe))
    }
    if lost:
        raise InputError(_describe(lost, base))


def _is_replaced(
    row: SampleRow, media_ids: Mapping[str, str], media: Set[str], recipe: PublishRecipe
) -> bool:
    # Without a known digest of the source's bytes nothing says that they are others.
    is_other = media_ids.get(row.source_id, row.media_id) != row.media_id
    return is_other and row.media_id not in media and recipe.accumulate != "replace"


def _describe(lost: Mapping[str, str], base: BaseVersion) -> str:
    named = [f"{stem} ({why.rstrip('.')})" for stem, why in lost.items()]
    rest = f" and {len(named) - _MAX_NAMES} more" if len(named) > _MAX_NAMES else ""
    return (
        f"{len(lost)} published samples of {base.label} would be lost: "
        f"{', '.join(named[:_MAX_NAMES])}{rest}. Nothing was published. If these are other files "
        "of the same name, give the folder a prefix or the source another source_id; if they were "
        "edited, set accumulate: replace. To lose them all the same, name each sample or its "
        "source: `matteflow publish --drop NAME`."
    )


def resolve_drop(
    names: Iterable[str], base: BaseVersion, kept: Iterable[RunCrop]
) -> frozenset[str]:
    """Return the digests of the stems that --drop names: samples, or all samples of a source.

    Raises:
        InputError: a name is neither a sample nor a source of the base version or of the run.
    """
    by_source: dict[str, set[str]] = {}
    for row in base.rows.values():
        by_source.setdefault(row.source_id, set()).add(row.stem)
    for crop in kept:
        by_source.setdefault(crop.source_id, set()).add(crop.stem)
    stems = {stem for own in by_source.values() for stem in own}
    dropped: set[str] = set()
    for name in names:
        if name not in stems and name not in by_source:
            raise InputError(
                f"--drop {name}: {base.label or 'this run'} has no sample and no source of that "
                "name. `samples.csv` of the version lists both."
            )
        dropped |= {name} if name in stems else by_source[name]
    return frozenset(map(digest_of_stem, dropped))
