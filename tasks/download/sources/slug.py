"""Valid ids for sources that nobody named."""

import hashlib
import re

_ID_LENGTH = 80


def slug(text: str) -> str:
    """Make a valid source id out of a name; the same name gives the same id."""
    made = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._")[:_ID_LENGTH]
    return made or "source-" + hashlib.sha256(text.encode()).hexdigest()[:12]


def unique_slug(name: str) -> str:
    """Make an id that no other name has; what comes later renames nobody."""
    made = slug(name)
    return made if made == name else f"{made}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
