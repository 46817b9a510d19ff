"""Read YAML that strangers may have written: with libyaml, and with limits.

libyaml takes a twelfth of the time of PyYAML's own reader in Python.
"""

from typing import Any

import yaml

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # PyYAML may be built without libyaml
_MAX_DEPTH = 50  # recipes and lists are six deep
# Aliases repeat what is written elsewhere. Ten lines of aliases of aliases can stand for a billion
# values, at which whoever walks through them later hangs.
_MAX_REPEATED, _FREE = 10, 10_000


def load_yaml(text: str) -> Any:
    """Return the plain values of a YAML document.

    Raises:
        yaml.YAMLError: it is not valid YAML, is nested too deeply, or its aliases stand for far
            more than is written.
    """
    _require_small(text)
    try:
        return yaml.load(text, Loader=_Loader)
    # What the constructors of single values raise, such as for the date 2026-02-30.
    except (ValueError, TypeError, OverflowError) as error:
        raise yaml.YAMLError(str(error)) from error


class _Open:
    """A list or mapping whose end has not come yet, and how many values it stands for so far."""

    def __init__(self, anchor: str | None):
        self.anchor = anchor
        self.size = 1


def _require_small(text: str) -> None:
    """Require that a document is flat, and with its aliases written out not much larger than it is.

    By events, before libyaml makes nodes of them: it recurses in C, and deep nesting overflows the
    stack of the process.
    """
    sizes: dict[str, int] = {}  # of what aliases stand for, by anchor
    opened = [_Open(None)]
    n_written = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            opened.append(_Open(event.anchor))
            if len(opened) > _MAX_DEPTH + 1:
                raise yaml.YAMLError(f"it is nested more than {_MAX_DEPTH} deep")
        elif isinstance(event, yaml.CollectionEndEvent | yaml.NodeEvent):
            ended = _ended(event, opened, sizes)
            opened[-1].size += ended.size
            n_written += 1
            if ended.anchor:
                sizes[ended.anchor] = ended.size
    if opened[0].size > _MAX_REPEATED * n_written + _FREE:
        raise yaml.YAMLError(
            f"its aliases stand for {opened[0].size:,} values, but it has {n_written:,}; write out "
            "what they stand for, or repeat less"
        )


def _ended(event: yaml.Event, opened: list[_Open], sizes: dict[str, int]) -> _Open:
    """Return what an event ends: a list or mapping, or the single value that it is."""
    if isinstance(event, yaml.CollectionEndEvent):
        return opened.pop()
    value = _Open(getattr(event, "anchor", None))
    if isinstance(event, yaml.AliasEvent):
        if any(each.anchor == value.anchor for each in opened):
            raise yaml.YAMLError("an alias stands for what it is part of")
        value.size = sizes.get(str(value.anchor), 1)
    return value
