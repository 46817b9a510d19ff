"""A view of the crops: filters, order, groups and what tiles show, as the address bar holds it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, Self, get_args
from urllib.parse import urlencode

from tasks.common.errors import InputError
from tasks.common.schema.rule_names import MEASURED_RULES

Group = Literal["", "source", "track", "similar"]
Show = Literal["picture", "cutout", "light", "alpha"]
Layer = Literal["mask", "pose", "box", "others"]
Opinion = Literal["", "open", "decided", "applied", "good", "bad", "person"]
GROUPS: tuple[Group, ...] = get_args(Group)
SHOWS: tuple[Show, ...] = get_args(Show)
LAYERS: tuple[Layer, ...] = get_args(Layer)
OPINIONS: tuple[Opinion, ...] = get_args(Opinion)
SORTS = ("", "time", "decided", *MEASURED_RULES)
SIZES = (96, 640)
_DEFAULT_SIZE = 190


@dataclass(frozen=True)
class View:
    """What of the crops is shown, and how; the defaults show everything in the order of a run."""

    verdict: tuple[str, ...] = ()
    opinion: Opinion = ""
    rule: str = ""
    source: str = ""
    scene: str = ""
    uploader: str = ""
    channel: str = ""
    split: str = ""
    trust_min: float | None = None
    trust_max: float | None = None
    find: str = ""
    sort: str = ""
    desc: bool = False
    group: Group = ""
    size: int = _DEFAULT_SIZE
    show: Show = "picture"
    layers: tuple[Layer, ...] = ()

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Self:
        """Return the view of a query string; other keys are left to other readers.

        Raises:
            InputError: a value is none that the desk knows.
        """
        try:
            return cls(
                verdict=_several(query, "verdict", ("keep", "review", "drop")),
                opinion=_choice(query, "opinion", OPINIONS),
                sort=_choice(query, "sort", SORTS),
                group=_choice(query, "group", GROUPS),
                show=_choice(query, "show", SHOWS, "picture"),
                layers=_several(query, "layers", LAYERS),
                split=_choice(query, "split", ("", "train", "val")),
                desc=query.get("desc", "") == "1",
                size=min(max(int(query.get("size") or _DEFAULT_SIZE), SIZES[0]), SIZES[1]),
                trust_min=_share(query, "trust_min"),
                trust_max=_share(query, "trust_max"),
                **{name: query.get(name, "") for name in _NAMES},
            )
        except ValueError as error:
            raise InputError(f"The address holds no view of the desk: {error}.") from error

    def query(self, **changes: object) -> str:
        """Return the view, with some fields changed, as a query string without defaults."""
        changed = replace(self, **changes)  # type: ignore[arg-type]
        return urlencode(list(_pairs(changed)))

    @property
    def selection(self) -> "View":
        """The same view without what only the tiles show."""
        plain = View()
        return replace(self, size=plain.size, show=plain.show, layers=plain.layers)


_NAMES = ("rule", "source", "scene", "uploader", "channel", "find")


def _pairs(view: View) -> Iterable[tuple[str, str]]:
    plain = View()
    for field in fields(View):
        value = getattr(view, field.name)
        if value == getattr(plain, field.name):
            continue
        match value:
            case bool():
                yield field.name, "1"
            case tuple():
                yield field.name, ",".join(value)
            case float():
                yield field.name, f"{value:g}"
            case _:
                yield field.name, str(value)


def _choice(query: Mapping[str, str], name: str, allowed: Iterable[str], usual: str = "") -> Any:
    value = query.get(name) or usual
    if value not in allowed:
        known = ", ".join(choice for choice in allowed if choice)
        raise ValueError(f"{name} is {value[:40]!r}, expected one of {known}")
    return value


def _several(query: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> Any:
    values = [value for value in query.get(name, "").split(",") if value]
    for value in values:
        if value not in allowed:
            raise ValueError(f"{name} has {value[:40]!r}, expected {', '.join(allowed)}")
    return tuple(choice for choice in allowed if choice in values)


def _share(query: Mapping[str, str], name: str) -> float | None:
    text = query.get(name, "")
    if not text:
        return None
    value = float(text)
    if not 0 <= value <= 1:  # also NaN, which compares as false
        raise ValueError(f"{name} is {text[:20]!r}, expected a number from 0 to 1")
    return value
