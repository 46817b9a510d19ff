"""Make valid ids for sources that have none."""

import hashlib
import re

# A source id has at most 100 characters, and `unique_slug` adds 9.
_ID_LENGTH = 80


def slug(text: str) -> str:
    """Make a valid source id from a name; the same name gives the same id."""
    valid = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._")[:_ID_LENGTH]
    return valid or "source-" + hashlib.sha256(text.encode()).hexdigest()[:12]


def unique_slug(name: str) -> str:
    """Make an id that no other name has.

    It depends only on the name: a counter for equal slugs would change when files are added.
    """
    readable = slug(name)
    return (
        readable
        if readable == name
        else f"{readable}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    )
