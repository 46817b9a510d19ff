"""Whether the source's licence lets its pictures be used."""

import re

from tasks.common.recipe.bounds import LicenceBounds
from tasks.common.records import Source
from tasks.filter.rule import Finding

NAME = "licence"


def judge(source: Source, limits: LicenceBounds) -> Finding:
    """Drop the crops of a source whose licence is not on the recipe's list; case does not matter.

    The value is 1 for a licence on the list and 0 for another.
    """
    if source.licence is None or not source.licence.strip():
        sentence = f"The source gives no licence; the recipe says {limits.missing}."
        return Finding(NAME, limits.missing, sentence=sentence)
    # Licences are typed by hand in source lists.
    name = source.licence.strip().casefold()
    if any(_pattern(allowed).fullmatch(name) for allowed in limits.allowed):
        return Finding(NAME, "keep", 1.0, 1.0)
    sentence = f"The licence {source.licence!r} is not on the recipe's list."
    return Finding(NAME, "drop", 0.0, 1.0, sentence)


def _pattern(allowed: str) -> re.Pattern[str]:
    """Only `*` stands for anything; brackets and question marks are part of a licence's name."""
    pieces = allowed.strip().casefold().split("*")
    return re.compile(".*".join(map(re.escape, pieces)))
