"""The fine-grained scenes of a sample: from source tags, the recipe's groups and overrides."""

import re
from collections.abc import Iterable
from typing import Protocol

from tasks.common.recipe.publish import PublishRecipe, SceneOverride
from tasks.common.records import Source

_FIRST_CJK = 0x2E80  # Unicode: CJK radicals; ideographs and kana follow
# Letters that continue a word: digits, Latin with its extensions, Greek and Cyrillic.
_WORD_LETTERS = "0-9a-z\u00c0-\u024f\u0370-\u04ff"


class SceneEdit(Protocol):
    """A change of scenes: an override of the recipe, or a curator's decision."""

    @property
    def scenes(self) -> tuple[str, ...] | None:
        """The scenes that replace all others, if any."""

    @property
    def add(self) -> tuple[str, ...]:
        """The scenes to add."""

    @property
    def remove(self) -> tuple[str, ...]:
        """The scenes to remove."""


class SceneFinder:
    """Determines the scenes of samples by one recipe.

    A sample's tags are mapped to the recipe's groups; without groups each tag is a scene. The
    recipe's overrides come next: those of the source, then those of the sample. The decisions of
    curators come last.
    """

    def __init__(self, recipe: PublishRecipe):
        self._phrases = {scene.id: list(map(_pattern, scene.phrases)) for scene in recipe.scenes}
        self._overrides: dict[str, list[SceneOverride]] = {}
        for entry in recipe.scene_overrides:
            self._overrides.setdefault(entry.item, []).append(entry)

    def of(self, source: Source, stem: str, decisions: Iterable[SceneEdit] = ()) -> tuple[str, ...]:
        """Return the scenes of a sample in the recipe's order; scenes without a group by name.

        `decisions` are those of curators, in order. Scenes that they name and the recipe does not
        have are left out: a decision outlives the recipe that it was made under.
        """
        scenes = self._of_tags(source.scenes)
        # A dict rather than a set keeps the order, and a source may be called like its sample.
        for item in dict.fromkeys((source.source_id, stem)):
            for entry in self._overrides.get(item, ()):
                scenes = _edited(scenes, entry)
        for decision in decisions:
            scenes = _edited(scenes, decision)
            scenes = scenes & self._phrases.keys() if self._phrases else scenes
        order = {scene: position for position, scene in enumerate(self._phrases)}
        return tuple(sorted(scenes, key=lambda scene: (order.get(scene, len(order)), scene)))

    def _of_tags(self, tags: Iterable[str]) -> set[str]:
        if not self._phrases:
            return set(tags)
        return {scene for tag in tags for scene in self.groups_of(tag)}

    def groups_of(self, tag: str) -> list[str]:
        """Return the groups one of whose phrases occurs in a tag."""
        text = _plain(tag)
        return [
            scene
            for scene, patterns in self._phrases.items()
            if any(pattern.search(text) for pattern in patterns)
        ]

    def unknown_scenes(self, decisions: Iterable[SceneEdit]) -> list[str]:
        """Return the scenes that decisions assign and the recipe does not have."""
        named = {scene for edit in decisions for scene in (*(edit.scenes or ()), *edit.add)}
        return sorted(named - self._phrases.keys()) if self._phrases else []

    def unmatched_tags(self, sources: Iterable[Source]) -> list[str]:
        """Return the tags without a group, so that a curator can add the missing phrase."""
        tags = {tag for source in sources for tag in source.scenes}
        return sorted(tag for tag in tags if self._phrases and not self.groups_of(tag))

    def unmatched_overrides(self, items: set[str]) -> list[str]:
        """Return the items of overrides that are neither a sample nor a source."""
        return sorted(self._overrides.keys() - items)


def _edited(scenes: set[str], edit: SceneEdit) -> set[str]:
    replaced = set(edit.scenes) if edit.scenes is not None else scenes
    return (replaced | set(edit.add)) - set(edit.remove)


def _plain(text: str) -> str:
    return re.sub(r"[-_\s]+", " ", text.casefold()).strip()


def _pattern(phrase: str) -> re.Pattern[str]:
    text = _plain(phrase)
    if any(ord(letter) >= _FIRST_CJK for letter in text):
        return re.compile(re.escape(text))  # Chinese and Japanese put no spaces between words
    return re.compile(f"(?<![{_WORD_LETTERS}]){re.escape(text)}(?![{_WORD_LETTERS}])")
