"""`README.md`: the data-set card as the team keeps it, in Chinese or English."""

from collections.abc import Callable
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any

import yaml

from tasks.common.html.pages import templates
from tasks.common.recipe.publish import PublishRecipe
from tasks.dataset.dataset_json import NOT_GIVEN, Metadata

FIGURES = {
    "longer_side_px": "figures/longer_side.svg",
    "subject_share": "figures/subject_share.svg",
}
_MAX_SOURCES = 60


@cache
def words_of(language: str) -> dict[str, str]:
    """Return the words of the card and the history in a language."""
    text = files(__package__).joinpath("templates", "words.yaml").read_text("utf-8")
    return {key: words[language] for key, words in yaml.safe_load(text).items()}


def render_card(facts: Metadata, recipe: PublishRecipe) -> str:
    """Return the card as GitHub-flavoured Markdown; its table is HTML, for cells over many rows."""
    words = words_of(recipe.language)
    scenes = {scene["id"]: scene[recipe.language] for scene in facts["scenes"]}
    sources = sorted(facts["sources"], key=lambda source: -source["n_samples"])
    return templates(__package__, is_markup=False).get_template("card.md.j2").render(
        **facts,
        cell=_cell,
        w=words,
        not_given=NOT_GIVEN,
        scene_words=scenes,
        figures=FIGURES,
        shown_sources=sources[:_MAX_SOURCES],
        own_limits=own_limits(facts, words),
    )  # fmt: skip


def render_config(facts: Metadata) -> str:
    """Return the dataset part of a training configuration."""
    sides = list(dict.fromkeys(one["split"] for one in facts["lists"]))
    datasets = {("test" if facts["role"] == "test" else side): side for side in sides}
    template = templates(__package__, is_markup=False).get_template("mmseg_config.py.j2")
    return template.render(**facts, datasets=datasets)


def own_limits(facts: Metadata, words: dict[str, str]) -> list[str]:
    """Return the limits that the figures themselves show."""
    sides = {one["split"] for one in facts["lists"]}
    said: list[tuple[bool, Callable[[], str]]] = [
        (facts["role"] != "test" and "val" not in sides, lambda: words["no_val"]),
        (facts["role"] != "test" and "train" not in sides, lambda: words["no_train"]),
        (
            len(sides) > 1 and abs(facts["split"]["deviation"]) > _WORTH_TELLING,
            lambda: words["off_share"].format(**_percent(facts["split"])),
        ),
        (
            any(not scene["n_samples"] for scene in facts["scenes"]),
            lambda: words["no_scene"].format(
                scenes=", ".join(s["id"] for s in facts["scenes"] if not s["n_samples"])
            ),
        ),
        (
            bool(facts["tags_without_scene"]),
            lambda: words["strange_tags"].format(tags=", ".join(facts["tags_without_scene"])),
        ),
        (
            bool(facts["overrides_of_nothing"]),
            lambda: words["strange_overrides"].format(n=len(facts["overrides_of_nothing"])),
        ),
        (
            all(channel.startswith("rembg ") for channel in facts["channels"]),
            lambda: words["machine_only"],
        ),
    ]
    return [say() for holds, say in said if holds]


_WORTH_TELLING = 0.02


def _percent(split: Metadata) -> dict[str, str]:
    return {
        name: f"{100 * split[name]:.0f} %"
        for name in ("wanted_val_share", "val_share", "largest_group_share")
    } | {"n_groups": str(split["n_groups"])}


def _cell(value: Any) -> str:
    """Return a value as it may stand in a table: no markup, no bar, on one line."""
    text = " ".join(str("" if value is None else value).split())
    return escape(text, quote=False).replace("|", "&#124;")
