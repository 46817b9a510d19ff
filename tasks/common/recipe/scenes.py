"""Which fine-grained scenes a sample belongs to: its source's tags, the recipe's groups, people."""

import re
from collections.abc import Iterable

from tasks.common.recipe.publish import PublishRecipe, SceneOverride
from tasks.common.records import Source

_FIRST_CJK = 0x2E80
_LATIN = "0-9a-z\u00c0-\u024f\u0370-\u04ff"


class SceneFinder:
    """Says the scenes of samples by one recipe.

    A sample's tags are mapped to the recipe's groups; without groups each tag is a scene. A
    curator's overrides come last: those of the source, then those of the sample.
    """

    def __init__(self, recipe: PublishRecipe):
        self._phrases = {scene.id: list(map(_pattern, scene.phrases)) for scene in recipe.scenes}
        self._overrides: dict[str, list[SceneOverride]] = {}
        for entry in recipe.scene_overrides:
            self._overrides.setdefault(entry.item, []).append(entry)

    def of(self, source: Source, stem: str) -> tuple[str, ...]:
        """Return the scenes of a sample, in the recipe's order, else by name."""
        found = self._of_tags(source.scenes)
        for item in dict.fromkeys((source.source_id, stem)):
            for entry in self._overrides.get(item, ()):
                found = set(entry.scenes) if entry.scenes is not None else found
                found = (found | set(entry.add)) - set(entry.remove)
        order = {scene: place for place, scene in enumerate(self._phrases)}
        return tuple(sorted(found, key=lambda scene: (order.get(scene, len(order)), scene)))

    def _of_tags(self, tags: Iterable[str]) -> set[str]:
        if not self._phrases:
            return set(tags)
        return {scene for tag in tags for scene in self.meant_by(tag)}

    def meant_by(self, tag: str) -> list[str]:
        """Return the groups that a tag stands for."""
        text = _plain(tag)
        return [
            scene
            for scene, patterns in self._phrases.items()
            if any(pattern.search(text) for pattern in patterns)
        ]

    def strange_tags(self, sources: Iterable[Source]) -> list[str]:
        """Return the tags that stand for no group, so that somebody can add the phrase."""
        tags = {tag for source in sources for tag in source.scenes}
        return sorted(tag for tag in tags if self._phrases and not self.meant_by(tag))

    def strange_overrides(self, items: set[str]) -> list[str]:
        """Return what overrides name that is no sample and no source."""
        return sorted(self._overrides.keys() - items)


def _plain(text: str) -> str:
    return re.sub(r"[-_\s]+", " ", text.casefold()).strip()


def _pattern(phrase: str) -> re.Pattern[str]:
    text = _plain(phrase)
    if any(ord(letter) >= _FIRST_CJK for letter in text):
        return re.compile(re.escape(text))
    return re.compile(f"(?<![{_LATIN}]){re.escape(text)}(?![{_LATIN}])")
