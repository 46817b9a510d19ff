"""`CHANGELOG.md`: what came, went and changed between versions of a subset, and why."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from tasks.common.recipe.publish import PublishRecipe
from tasks.dataset.base_version import HISTORY, Past, PastSample
from tasks.dataset.card import words_of
from tasks.dataset.selection import Sample, Selection
from tasks.deduplicate.run_crops import Subset

KINDS = ("added", "removed", "relabelled", "repictured", "moved", "retagged")
_MAX_WHYS = 20
_NONE = "none"


class Change(NamedTuple):
    """One sample that came, went or changed, and why."""

    kind: str
    why: str
    stem: str


def render_changelog(
    past: Past,
    now: Mapping[str, PastSample],
    files: Mapping[str, str],
    selection: Selection,
    subset: Subset,
    recipe: PublishRecipe,
) -> str:
    """Return the history of a subset, newest first; where nothing changed, as it was.

    It tells the earlier version that a new one is built upon, not the new one's number: another
    publisher may be quicker. `files` are the new tree's digests by name.
    """
    words = words_of(recipe.language)
    changes = sorted(_changes(past, now, selection, subset, words))
    if not past.label:
        head, lines = words["first"], _lines(changes, words)
    elif changes:
        head, lines = words["since"].format(label=_label(past)), _lines(changes, words)
    elif _others(files) == _others(past.files):
        return past.changelog
    else:
        head, lines = words["since"].format(label=_label(past)), [words["same_samples"]]
    title, _, before = past.changelog.partition("\n")
    title = title or f"# {recipe.name}: {words['history']}"
    return f"{title}\n\n## {head}\n" + "".join(f"- {line}\n" for line in lines) + before


def _label(past: Past) -> str:
    return f"{past.label} ({past.tree[:12]})"


def _others(files: Mapping[str, str]) -> dict[str, str]:
    return {name: digest for name, digest in files.items() if name not in HISTORY}


def _lines(changes: Iterable[Change], words: Mapping[str, str]) -> list[str]:
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for change in changes:
        found[change.kind][change.why].append(change.stem)
    lines = []
    for kind in KINDS:
        whys = sorted(found[kind].items(), key=lambda entry: (-len(entry[1]), entry[0]))
        said = [
            f"{why}: {len(stems)} ({words['for_example'].format(stem=stems[0])})"
            for why, stems in whys[:_MAX_WHYS]
        ]
        if len(whys) > _MAX_WHYS:
            said.append(f"… {sum(len(stems) for _, stems in whys[_MAX_WHYS:])}")
        if whys:
            n = sum(len(stems) for _, stems in whys)
            lines.append(f"{words[kind]}: {n}" + "".join(f"\n  - {line}" for line in said))
    return lines


def _changes(
    past: Past,
    now: Mapping[str, PastSample],
    selection: Selection,
    subset: Subset,
    words: Mapping[str, str],
) -> Iterable[Change]:
    whys = _why_gone(subset, selection) if past.samples.keys() - now.keys() else {}
    for sample in selection.samples:
        old = past.samples.get(sample.stem)
        if old is None:
            yield Change("added", _why_here(sample, past, words), sample.stem)
        else:
            yield from _changed(sample.stem, old, now[sample.stem], words)
    for stem in past.samples.keys() - now.keys():
        yield Change("removed", whys.get(stem, words["not_in_runs"]), stem)


def _why_here(sample: Sample, past: Past, words: Mapping[str, str]) -> str:
    if past.label and f"source {sample.judged.source.source_id}" in past.sides:
        return words["kept_now"]
    return words["new_source"].format(batch=sample.judged.source.batch or _NONE)


def _why_gone(subset: Subset, selection: Selection) -> dict[str, str]:
    whys = {row["crop_id"]: str(row["reason"]) for _, row in subset.verdicts() if row["reason"]}
    return whys | {left.stem: left.reason for left in selection.left_out}


def _changed(
    stem: str, old: PastSample, new: PastSample, words: Mapping[str, str]
) -> Iterable[Change]:
    if old.mask_digest != new.mask_digest:
        channels = words["by_channel"].format(old=old.channel, new=new.channel)
        yield Change("relabelled", channels, stem)
    if old.image_digest != new.image_digest:
        yield Change("repictured", words["other_cut"], stem)
    if old.split != new.split:
        yield Change("moved", words["pinned"].format(old=old.split, new=new.split), stem)
    if set(old.scenes) != set(new.scenes):
        sides = {"old": ", ".join(old.scenes) or _NONE, "new": ", ".join(new.scenes) or _NONE}
        yield Change("retagged", words["by_channel"].format(**sides), stem)
