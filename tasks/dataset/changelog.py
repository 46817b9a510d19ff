"""`CHANGELOG.md`: which samples were added, removed and changed by each version, and why."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from tasks.common.recipe.publish import PublishRecipe
from tasks.common.schema.channels import is_human
from tasks.common.schema.layout import HISTORY
from tasks.common.schema.published import BaseVersion
from tasks.common.schema.run_crops import RunCrops
from tasks.common.schema.sample import KINDS, ChangeKind, Sample, SampleRow, changes_between
from tasks.dataset.card import words_of
from tasks.dataset.decisions import why_decided
from tasks.dataset.selection import Selection

# Reasons are free text where they name batches and models, so their number has no bound of its own.
# The remaining ones are summed in a last line.
_MAX_WHYS = 20
REDACTED = "…"


class Change(NamedTuple):
    """How a sample differs from the base version, and why."""

    kind: ChangeKind
    why: str
    stem: str


def render_changelog(
    base: BaseVersion,
    samples: Mapping[str, Sample],
    files: Mapping[str, str],
    selection: Selection,
    run: RunCrops,
    recipe: PublishRecipe,
) -> str:
    """Return the history of a subset, newest first; that of the base version if nothing changed.

    It names the base version and not the new one's number, which only the commit decides. `samples`
    and `files` (sha256 by name) are those of the new tree.
    """
    words = words_of(recipe.language)
    # Sorted, since `removed` comes from a set: the tree's name is a digest of this text too.
    changes = sorted(_changes(base, samples, selection, run, words))
    if not base.label:
        head, lines = words["first"], _lines(changes, words)
    elif changes:
        head, lines = words["since"].format(label=_label(base)), _lines(changes, words)
    elif _without_history(files) == _without_history(base.files):
        # Byte for byte, so that the tree is that of the base version and publishing makes no
        # version.
        return base.changelog
    # Same samples, other files: a new description or licence is a version too.
    else:
        head, lines = words["since"].format(label=_label(base)), [words["same_samples"]]
    # The first line is the title, from the first version on, in the language of that time.
    title, _, before = base.changelog.partition("\n")
    title = title or "# " + words["title"].format(name=recipe.name)
    return f"{title}\n\n## {head}\n" + "".join(f"- {line}\n" for line in lines) + before


def _label(base: BaseVersion) -> str:
    return f"{base.label} ({base.tree[:12]})"


def _without_history(files: Mapping[str, str]) -> dict[str, str]:
    return {name: digest for name, digest in files.items() if name not in HISTORY}


def _lines(changes: Iterable[Change], words: Mapping[str, str]) -> list[str]:
    """Return a line per kind of change, and under it one per reason, most frequent first."""
    stems: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for change in changes:
        stems[change.kind][change.why].append(change.stem)
    lines = []
    for kind in KINDS:
        whys = sorted(stems[kind].items(), key=lambda entry: (-len(entry[1]), entry[0]))
        details = [
            words["why_line"].format(why=why, n=len(own), stem=own[0])
            for why, own in whys[:_MAX_WHYS]
        ]
        if len(whys) > _MAX_WHYS:
            details.append(f"… {sum(len(own) for _, own in whys[_MAX_WHYS:])}")
        if whys:
            n = sum(len(own) for _, own in whys)
            line = words["kind_line"].format(kind=words[kind], n=n)
            lines.append(line + "".join(f"\n  - {detail}" for detail in details))
    return lines


def _changes(
    base: BaseVersion,
    samples: Mapping[str, Sample],
    selection: Selection,
    run: RunCrops,
    words: Mapping[str, str],
) -> Iterable[Change]:
    # Reasons are gathered only when needed: they take a pass over all crops of the run.
    removed = base.samples.keys() - samples.keys()
    why_removed = _why_removed(run, selection, words) if removed else {}
    for sample in selection.samples:
        row = sample.row
        before, after = base.samples.get(row.stem), samples[row.stem]
        for kind in changes_between(before, after):
            if before is None:
                crop = sample.crop
                decided = None if crop is None else why_decided(crop.verdict, words)
                yield Change(kind, decided or _why_added(row, base, words), row.stem)
            else:
                why = _why_changed(kind, before, after, words)
                yield Change(kind, _by_whom(kind, why, row, words), row.stem)
    for stem in removed:
        # The history must not name what was taken down.
        if stem in base.taken_down:
            yield Change("removed", words["taken_down"], REDACTED)
            continue
        without_reason = words["named" if base.is_dropped(stem) else "not_in_runs"]
        yield Change("removed", why_removed.get(stem, without_reason), stem)


def _why_added(row: SampleRow, base: BaseVersion, words: Mapping[str, str]) -> str:
    corrected = words["kept_corrected"].format(channel=row.channel)
    # `splits` keeps the keys of sources that have no sample now, so this tells a crop that passes
    # new bounds from one of a new source.
    if base.label and f"source {row.source_id}" in base.splits:
        return corrected if is_human(row.channel) else words["kept_now"]
    return words["new_source"].format(batch=row.provenance.batch or words["none"])


def _by_whom(kind: ChangeKind, why: str, row: SampleRow, words: Mapping[str, str]) -> str:
    is_decided = kind == "scenes_changed" and "scene" in (row.decision or "").split(";")
    return words["decided_scenes"].format(change=why) if is_decided else why


def _why_removed(run: RunCrops, selection: Selection, words: Mapping[str, str]) -> dict[str, str]:
    reasons = {
        crop.stem: why_decided(crop.verdict, words) or crop.verdict.reason
        for crop in run.crops
        if crop.verdict.reason
    }
    # Samples left out here were kept by the rules, so the later reason is the one that counts.
    return reasons | {left.stem: left.reason for left in selection.left_out}


def _why_changed(kind: ChangeKind, before: Sample, after: Sample, words: Mapping[str, str]) -> str:
    if kind == "mask_changed":
        return words["by_channel"].format(old=before.channel, new=after.channel)
    if kind == "image_changed":
        return words["other_cut"]
    if kind == "split_changed":
        return words["pinned"].format(old=before.split, new=after.split)
    old, new = (
        words["separator"].join(sample.scenes) or words["none"] for sample in (before, after)
    )
    return words["by_channel"].format(old=old, new=new)
