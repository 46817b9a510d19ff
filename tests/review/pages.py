"""A page as a reader meets it: tags with their attributes, what they point at, visible text."""

import re
from html.parser import HTMLParser

_POINTERS = ("src", "href", "srcset", "data", "action", "poster", "background")


class Page(HTMLParser):
    """Collects what a page holds; text inside `style` and `title` included."""

    def __init__(self, html: str):
        super().__init__()
        self.html = html
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(html)
        self.text = re.sub(r"\s+", " ", self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += " " + data

    @property
    def tags(self) -> list[str]:
        return [tag for tag, _ in self.elements]

    @property
    def targets(self) -> list[str]:
        return [found[name] for _, found in self.elements for name in found if name in _POINTERS]

    def all_of(self, tag: str, name: str) -> list[str]:
        """Return one attribute of every element of a kind, in order; without it, nothing."""
        return [found.get(name, "") for kind, found in self.elements if kind == tag]
