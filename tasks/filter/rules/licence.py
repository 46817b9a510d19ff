"""Whether the source's licence lets its pictures be used."""

from fnmatch import fnmatchcase

from tasks.common.bounds import LicenceBounds
from tasks.common.records import Source
from tasks.filter.finding import Finding

NAME = "licence"


def judge(source: Source, limits: LicenceBounds) -> Finding:
    """Drop the crops of a source whose licence is not on the recipe's list; case does not matter.

    The value is 1 for a licence on the list and 0 for another.
    """
    if source.licence is None or not source.licence.strip():
        said = f"The source gives no licence; the recipe says {limits.missing}."
        return Finding(NAME, limits.missing, sentence=said)
    name = source.licence.strip().casefold()
    if any(fnmatchcase(name, pattern.casefold()) for pattern in limits.allowed):
        return Finding(NAME, "keep", 1.0, 1.0)
    said = f"The licence {source.licence!r} is not on the recipe's list."
    return Finding(NAME, "drop", 0.0, 1.0, said)
