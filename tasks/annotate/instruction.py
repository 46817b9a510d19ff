"""The page for annotators: what to cut out, how, and the samples of their order."""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import cv2

from tasks.annotate.order import Order, OrderItem
from tasks.annotate.routes.returned import Outgoing
from tasks.common.html.pages import render_page
from tasks.common.html.pictures import jpeg_data_uri, outlined, side_by_side
from tasks.common.schema.boxes import Box
from tasks.common.yaml_text import load_yaml

_HEIGHT_PX = 190
_PERSON_RGB = (255, 214, 0)
_MAX_PICTURES = 200  # the page holds them itself; further samples are named without one


def render_instruction(order: Order, outgoing: Sequence[Outgoing]) -> str:
    """Return the page as HTML in Chinese and English; it needs no other file."""
    words = _words()
    rows = [
        {
            "item": item,
            "picture": _thumbnail(item, sample) if number < _MAX_PICTURES else "",
            "why": _why(item, words),
        }
        for number, (item, sample) in enumerate(zip(order.items, outgoing, strict=True))
    ]
    return render_page(
        __package__,
        "instruction.html.j2",
        title=f"{words['title']['zh']} · {words['title']['en']}",
        note=f"{order.made_from}, {order.sent_at:%Y-%m-%d}",
        w=words,
        order=order,
        rows=rows,
        groups=[],
    )


def _thumbnail(item: OrderItem, sample: Outgoing) -> str:
    """Return the picture with the person's box, and beside it with the outline of the mask."""
    plain = outlined(sample.rgb, None, _HEIGHT_PX).copy()
    person = Box.of(item.person_xyxy).within(Box.of(item.region_xyxy))
    scale_x, scale_y = plain.shape[1] / item.size_wh[0], plain.shape[0] / item.size_wh[1]
    corners = round(person.x0 * scale_x), round(person.y0 * scale_y)
    opposite = round(person.x1 * scale_x), round(person.y1 * scale_y)
    cv2.rectangle(plain, corners, opposite, _PERSON_RGB, 1)
    marked = outlined(sample.rgb, sample.mask, _HEIGHT_PX)
    return jpeg_data_uri(side_by_side([plain, marked]))


def _why(item: OrderItem, words: dict[str, Any]) -> dict[str, str]:
    if item.shown_from is not None:
        carried: dict[str, str] = words["carried"]
        return {language: text.format(origin=item.shown_from) for language, text in carried.items()}
    # A kept sample has no reason; the sentence of an unknown rule is in English only.
    reason: dict[str, str] | None = words["reasons"].get(item.reason)
    if reason is None:
        kept: dict[str, str] = words["kept"]
        return {"zh": kept["zh"], "en": item.sentence or kept["en"]}
    return reason


@cache
def _words() -> dict[str, Any]:
    """Return the texts of the page, parsed once in a process."""
    text = files(__package__).joinpath("templates", "instruction_words.yaml").read_text("utf-8")
    words: dict[str, Any] = load_yaml(text)
    return words
