"""The instruction page: two languages, a pair of pictures a rule, every sample, no other file."""

import re
from pathlib import Path
from typing import get_args

import pytest

from tasks.annotate.instruction import _words
from tasks.annotate.order import Format
from tests.annotate.orders import sent

KINDS = get_args(Format)


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_shows_steps_rules_and_samples(kind: Format, tmp_path: Path) -> None:
    order = sent(kind, tmp_path / "out")
    page = (tmp_path / "out" / "instructions.html").read_text(encoding="utf-8")
    words = _words()
    for language in ("zh", "en"):
        assert [step for step in words["steps"][kind][language] if escape(step) not in page] == []
    assert page.count("<svg") == 2 * len(words["rules"])
    assert [item.sample for item in order.items if page.count(item.sample) < 1] == []
    assert page.count("data:image/jpeg") == len(order.items)
    # It travels alone: nothing is fetched when an annotator opens it.
    assert re.findall(r'(?:src|href)="(?!data:)', page) == []


def escape(text: str) -> str:
    return (
        text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("'", "&#39;")
    )


def test_every_text_is_there_in_chinese_and_in_english() -> None:
    words = _words()
    plain = [value for key, value in words.items() if key not in ("rules", "steps", "reasons")]
    for entry in [*plain, *words["reasons"].values(), *words["steps"].values()]:
        assert set(entry) == {"zh", "en"}
        assert all(entry.values())
    assert set(words["steps"]) == set(KINDS)
    assert {rule["id"] for rule in words["rules"]} == {"hair", "worn", "held", "occlusion", "edges"}
