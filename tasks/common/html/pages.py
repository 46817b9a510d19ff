"""Render HTML pages and text files from the templates of a room and the shared ones."""

from functools import cache
from importlib.resources import files
from typing import Any

import jinja2

_SHARED = "tasks.common.html"


def render_page(package: str, template: str, **values: Any) -> str:
    """Fill an HTML template of a room, or a shared one; every value is escaped."""
    return templates(package, is_markup=True).get_template(template).render(**values)


@cache
def templates(package: str, *, is_markup: bool) -> jinja2.Environment:
    """Return the templates of a room and the shared ones, compiled once.

    With `is_markup` every value is escaped. A room's template comes before a shared one of the same
    name. Markup ends without a newline; text files keep the one that their template ends with.
    """
    return jinja2.Environment(
        loader=jinja2.ChoiceLoader([_loader(package), _loader(_SHARED)]),
        # Names, tags and sentences come from source lists and servers: untrusted text.
        autoescape=is_markup,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=not is_markup,
    )


def _loader(package: str) -> jinja2.BaseLoader:
    """Return a loader of the package's `templates` folder, or of none if there is no such folder.

    jinja2's own PackageLoader raises for a package without the folder; not every room has one.
    """

    def load(name: str) -> str | None:
        path = files(package).joinpath("templates", name)
        return path.read_text("utf-8") if path.is_file() else None

    return jinja2.FunctionLoader(load)
