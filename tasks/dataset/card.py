"""`README.md`: the data-set card as the team keeps it, in Chinese or English."""

from collections.abc import Callable, Iterator
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any

from tasks.common.html.pages import templates
from tasks.common.recipe.publish import PublishRecipe
from tasks.common.schema.channels import is_machine
from tasks.common.yaml_text import load_yaml
from tasks.dataset.dataset_json import NOT_GIVEN, Metadata

FIGURES = {
    "longer_side_px": "figures/longer_side.svg",
    "subject_share": "figures/subject_share.svg",
}
# A card stays readable in a browser; `dataset.json` and `samples.csv` have all sources.
_MAX_SOURCES = 60
_LARGE_DEVIATION = 0.02  # from the share that the recipe asks for: worth a line in the card


# Texts are data of the package and never change in a process, so each file is parsed once.
@cache
def words_of(language: str) -> dict[str, str]:
    """Return the texts of the card and the changelog in a language, by key."""
    return {key: words[language] for key, words in _read_texts("words.yaml").items()}


@cache
def chinese_reasons() -> dict[str, str]:
    """Return in Chinese why items are dropped, by reason."""
    return dict(_read_texts("reasons_zh.yaml"))


def _read_texts(name: str) -> dict[str, Any]:
    texts: dict[str, Any] = load_yaml(
        files(__package__).joinpath("templates", name).read_text("utf-8")
    )
    return texts


def render_card(metadata: Metadata, recipe: PublishRecipe) -> str:
    """Return the card as GitHub-flavoured Markdown; its table is HTML, for cells over many rows."""
    words = words_of(recipe.language)
    scenes = {scene["id"]: scene[recipe.language] for scene in metadata["scenes"]}
    # A stable sort: sources with as many samples stay in the order of their ids.
    sources = sorted(metadata["sources"], key=lambda source: -source["n_samples"])
    return templates(__package__, is_markup=False).get_template("card.md.j2").render(
        **metadata,
        cell=_cell,
        prose=_prose,
        explain=_explain_in(recipe.language),
        w=words,
        not_given=NOT_GIVEN,
        scene_words=scenes,
        figures=FIGURES,
        shown_sources=sources[:_MAX_SOURCES],
        own_limits=own_limits(metadata, words),
    )  # fmt: skip


def _explain_in(language: str) -> Callable[[Metadata], str]:
    """Return what explains a count of drops: its example, for a Chinese card a Chinese text.

    A reason that is missing in the Chinese texts has no explanation there, rather than an English
    one; its example is in `dataset.json`.
    """
    if language != "zh":
        return lambda count: str(count["example"])
    return lambda count: chinese_reasons().get(count["reason"], "")


def render_config(metadata: Metadata) -> str:
    """Return the dataset part of an mmsegmentation configuration, as Python text."""
    # A test subset has all samples under `val` on disk, since mmsegmentation knows a test set by
    # its configuration alone.
    splits = list(dict.fromkeys(file["split"] for file in metadata["split_files"]))
    datasets = {("test" if metadata["role"] == "test" else split): split for split in splits}
    template = templates(__package__, is_markup=False).get_template("mmseg_config.py.j2")
    return template.render(**metadata, datasets=datasets)


def own_limits(metadata: Metadata, words: dict[str, str]) -> list[str]:
    """Return the known limits that follow from the metadata itself, a sentence each."""
    return [
        *_split_limits(metadata, words),
        *_scene_limits(metadata, words),
        *_channel_limits(metadata, words),
        *([words["carried"].format(**metadata["carried"])] if "carried" in metadata else []),
    ]


def _split_limits(metadata: Metadata, words: dict[str, str]) -> Iterator[str]:
    splits = {file["split"] for file in metadata["split_files"]}
    # A test subset is `val` alone by design: for it neither missing split is a limit.
    if metadata["role"] != "test" and "val" not in splits:
        yield words["no_val"]
    if metadata["role"] != "test" and "train" not in splits:
        yield words["no_train"]
    if len(splits) > 1 and abs(metadata["split"]["deviation"]) > _LARGE_DEVIATION:
        yield words["off_share"].format(**_percent(metadata["split"]))


def _scene_limits(metadata: Metadata, words: dict[str, str]) -> Iterator[str]:
    empty = [scene["id"] for scene in metadata["scenes"] if not scene["n_samples"]]
    if empty:
        yield words["no_scene"].format(scenes=words["separator"].join(empty))
    tags = metadata["unmatched_tags"]
    if tags:
        yield words["strange_tags"].format(tags=words["separator"].join(tags))
    overrides = metadata["unmatched_overrides"]
    if overrides:
        yield words["strange_overrides"].format(n=len(overrides))


def _channel_limits(metadata: Metadata, words: dict[str, str]) -> Iterator[str]:
    # One annotated dataset among the sources is enough to leave the sentence out.
    if all(is_machine(channel) for channel in metadata["channels"]):
        yield words["machine_only"]


def _percent(split: Metadata) -> dict[str, str]:
    return {
        name: f"{100 * split[name]:.0f} %"
        for name in ("wanted_val_share", "val_share", "largest_group_share")
    } | {"n_groups": str(split["n_groups"])}


def _cell(value: Any) -> str:
    """Return a value as a table cell may hold it: no markup, no bar, on one line."""
    text = " ".join(str("" if value is None else value).split())
    # A bar would end the cell of a Markdown table; a backslash before it would show in HTML.
    return _prose(text).replace("|", "&#124;")


def _prose(text: str) -> str:
    """Return a text without markup: no HTML, and no links or pictures, which load from elsewhere.

    As character references, which Markdown and HTML both show and never take for markup.
    """
    return escape(text, quote=False).replace("[", "&#91;")
