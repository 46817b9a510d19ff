"""What an erasure looks for: names, bytes and addresses, in file names, texts and tables."""

import json
import re
from collections.abc import Iterable, Sequence
from html import escape
from io import BytesIO
from typing import Any

import pyarrow as pa
from pyarrow import ArrowException

from tasks.common.records import Source
from tasks.common.schema.tables import read_table
from tasks.common.uri import is_shortened, stored
from tasks.common.workspace.takedowns import STEM_MEDIA

ERASED = "erased"
# Their pixels cannot be searched; they are found by their names, and by tables that name them.
_PICTURES = (".png", ".jpg", ".jpeg", ".webp")
_MEDIA = "download/media/"  # named by their sha256; they may be larger than memory
_MIN_ADDRESS = 8  # a shorter one would be found in any text
# Each was met in tables with flipped bits.
_NO_TABLE = (ArrowException, OSError, ValueError, KeyError, TypeError, NotImplementedError)


class Needles:
    """The words that lead to a person: of any of them a file says that it is about the person.

    A media is found by the first digits of its sha256, with which frames, crops and samples begin.
    Names of sources and uploaders count as whole words only.
    """

    def __init__(
        self,
        names: Iterable[str],
        media_ids: Iterable[str],
        sources: Iterable[Source] = (),
        files: Iterable[str] = (),
    ):
        """Take the names, the bytes, what lists say of the sources, and digests of files."""
        literals = {media_id[:STEM_MEDIA] for media_id in media_ids} | set(files)
        for source in sources:
            literals |= _addresses(source)
        words = {form for name in names if name for form in _spellings(name)}
        self._literals = _any_of(literals)
        self._words = _any_of(words, r"(?<![\w.-])(?:{})(?![\w.-])")
        self._names = words

    def are_in(self, text: str) -> bool:
        """Say whether a text holds one of them."""
        return bool(self._literals.search(text) or self._words.search(text))

    def name(self, path: str) -> bool:
        """Say whether a path names one of them; a name counts as a whole part of it."""
        return bool(self._literals.search(path)) or not self._names.isdisjoint(path.split("/"))

    def are_in_file(self, path: str, data: bytes | None) -> bool:
        """Say whether a file holds one of them; one that cannot be read counts as if it did."""
        if data is None:
            return False
        try:
            return self.are_in(text_of(path, data))
        except _NO_TABLE:
            return True

    def without(self, value: Any) -> Any:
        """Return a JSON value without them: list items and keys go, other texts are replaced."""
        if isinstance(value, list):
            return [self.without(item) for item in value if not self._in_item(item)]
        if isinstance(value, dict):
            return {key: self.without(item) for key, item in value.items() if not self.are_in(key)}
        return ERASED if isinstance(value, str) and self.are_in(value) else value

    def _in_item(self, item: Any) -> bool:
        return self.are_in(json.dumps(item, ensure_ascii=False))


def text_of(path: str, data: bytes) -> str:
    """Return the text in a file: the texts of a table, nothing of a picture or media.

    Raises:
        OSError, ValueError, KeyError, TypeError: a table is damaged.
    """
    if path.endswith(_PICTURES) or path.startswith(_MEDIA):
        return ""
    if path.endswith(".parquet"):
        return "\n".join(_cells(read_table(BytesIO(data))))
    return data.decode(errors="replace")


def _cells(table: pa.Table) -> Iterable[str]:
    for column in table.columns:
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            yield from (value for value in column.unique().to_pylist() if value is not None)


def _addresses(source: Source) -> set[str]:
    """Return what names a source's file: its address, the digest of that, its annotation."""
    shown = stored(source.uri)
    digest = {shown.rpartition("=")[2]} if is_shortened(shown) else set()
    annotation = {source.annotation.path} if source.annotation is not None else set()
    return digest | annotation | {uri for uri in (source.uri, shown) if len(uri) > _MIN_ADDRESS}


def _spellings(name: str) -> set[str]:
    """Return how JSON and HTML spell a name."""
    plain = json.dumps(name)[1:-1]
    return {name, plain, json.dumps(name, ensure_ascii=False)[1:-1], escape(name)}


def _any_of(words: Iterable[str], around: str = "(?:{})") -> re.Pattern[str]:
    """Return a pattern of any of these words; without words it matches nothing."""
    alternatives: Sequence[str] = sorted(map(re.escape, words))
    return re.compile(around.format("|".join(alternatives))) if alternatives else re.compile("(?!)")
