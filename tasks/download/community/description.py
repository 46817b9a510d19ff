"""The description of a community: a small YAML that says how its JSON API is read."""

import re
from functools import cache
from typing import Annotated, Any, Literal

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.parser import ParsedResult
from pydantic import AfterValidator, Field

from tasks.common.records import Kind, Record

# Compared with the whole path, so that a JMESPath with brackets or pipes is left alone.
_PLAIN_KEYS = re.compile(r"[\w-]+(\.[\w-]+)*")


def extract(values: Any, path: str) -> Any:
    """Return the value at a JMESPath of decoded JSON, or None; an empty path is the root."""
    return _compiled(path).search(values)


@cache
def _compiled(path: str) -> ParsedResult:
    """Compile a path: JMESPath, or plain keys and list positions as in `data.0.media-url`.

    The second form is not JMESPath, where it would be `data[0]."media-url"`, but people write it
    and existing source lists contain it.
    """
    if _PLAIN_KEYS.fullmatch(path):
        keys = (f"[{key}]" if key.isdecimal() else f'."{key}"' for key in path.split("."))
        path = "".join(keys).removeprefix(".")
    return jmespath.compile(path or "@")


def _require_path(path: str) -> str:
    try:
        _compiled(path)
    except JMESPathError as error:
        line = str(error).splitlines()[0]
        raise ValueError(f"is no JMESPath such as data.items or tags[*].name ({line})") from error
    return path


AnyPath = Annotated[str, AfterValidator(_require_path)]
Path = Annotated[
    AnyPath, Field(min_length=1, description="keys from the outside in, or JMESPath: data.items")
]


class Pages(Record):
    """How the next page is requested: by its number, or by the cursor at `next`."""

    # Defaults of the commonest form, numbered pages from 1.
    parameter: str = "page"
    first: int = 1
    size_parameter: str | None = None
    size: int | None = Field(None, ge=1)
    next: Path | None = None


class Fields(Record):
    """The path of each property in an item."""

    entry: Path
    media: Path
    kind: Path | None = None
    uploader: Path | None = None
    licence: Path | None = None
    attribution: Path | None = None
    captured_with: Path | None = None
    shared_at: Path | None = None
    scenes: Path | None = None
    session: Path | None = None
    revision: Path | None = None


class Community(Record):
    """One listing of one community; it contains no secret."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
    url: str
    query: dict[str, str] = Field(default_factory=dict)
    # Only variables of this prefix: a source list must not send other secrets to its URL.
    token: str | None = Field(
        None,
        pattern=r"^MATTEFLOW_TOKEN_[A-Z0-9_]{1,60}$",
        description="the environment variable that holds the token",
    )
    header: str = Field("Authorization", pattern=r"^[A-Za-z][A-Za-z0-9-]{0,60}$")
    scheme: str = "Bearer"
    pages: Pages = Pages()
    items: Path
    fields: Fields
    kinds: dict[str, Kind] = Field(default_factory=dict)
    item_url: str = Field(pattern=r"\{entry\}", description="gives a freshly signed media URL")
    item: AnyPath = Field("", description="where in that response the item stands")
    # `new` relies on a listing that is newest first; `all` reads every page, for others.
    walk: Literal["new", "all"] = "new"
    # Ends the walk through a listing that never gets empty.
    max_pages: int = Field(10_000, ge=1)


def description_path(name: str) -> str:
    """Return the path of a community's description in a workspace, for the workers that fetch."""
    return f"communities/{name}.json"
