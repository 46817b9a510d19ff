"""Whether the requirement document leaves this scene out."""

from tasks.common.recipe.bounds import TagBounds
from tasks.common.records import Source
from tasks.filter.rule import Finding

NAME = "excluded_scene"


def judge(source: Source, limits: TagBounds) -> Finding:
    """Drop the crops of a source with an excluded tag, whatever its case; the value counts them."""
    if not source.scenes:
        sentence = f"The source has no scene tags; the recipe says {limits.missing}."
        return Finding(NAME, limits.missing, sentence=sentence)
    # `casefold`, not `lower`: tags may be German, where ß equals ss.
    excluded = {tag.casefold() for tag in limits.tags}
    hit = [tag for tag in source.scenes if tag.casefold() in excluded]
    if not hit:
        return Finding(NAME, "keep", 0.0, 0.0)
    sentence = f"The scene {', '.join(hit)} is excluded by the recipe."
    return Finding(NAME, "drop", float(len(hit)), 0.0, sentence)
