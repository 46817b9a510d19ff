"""The data-set card: the team's table, in Chinese or English, and what it says of limits."""

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from tasks.common.schema.rule_names import RULE_NAMES
from tasks.common.workspace.artifacts import Workspace
from tasks.dataset.card import _prose, chinese_reasons, words_of
from tasks.dataset.decontamination import OVERLAP
from tasks.dataset.groups import TIES_BOTH_SPLITS
from tests.dataset.builders import judged, source
from tests.dataset.crops import Crop
from tests.dataset.trees import Tree, read_tree

SCENES = [
    {"id": "green", "zh": "公园、草地", "en": "Parks, lawns", "phrases": ["草地", "lawn"]},
    {"id": "walls", "zh": "墙面", "en": "Walls", "phrases": ["墙"]},
]


def card_tree(folder: Path, **changes: Any) -> Tree:
    workspace = Workspace(folder)
    outcomes = (
        judged(workspace, source("a", scenes=("大草地",)), [Crop("a"), Crop("b")]),
        judged(workspace, source("b", scenes=("on the lawn", "moon")), [Crop("a")]),
    )
    values = {"scenes": SCENES, "pin": {"a": "train", "b": "val"}, "description": "一个 <子>集"}
    return read_tree(workspace, *outcomes, **(values | changes))


def table_of(card: str) -> list[list[str]]:
    """Return the rows of the card's HTML table as a browser would lay them out."""
    html = card[card.index("<table>") : card.index("</table>") + len("</table>")]
    grid: dict[tuple[int, int], str] = {}
    for y, row in enumerate(ET.fromstring(html)):
        x = 0
        for cell in row:
            while (y, x) in grid:
                x += 1
            for down in range(int(cell.get("rowspan", "1"))):
                grid[y + down, x] = "".join(cell.itertext())
    n_rows, n_columns = (max(places) + 1 for places in zip(*grid, strict=True))
    return [[grid[y, x] for x in range(n_columns)] for y in range(n_rows)]


def test_the_table_has_the_teams_columns_over_all_splits_and_scenes(tmp_path: Path) -> None:
    card = card_tree(tmp_path, language="zh")["README.md"].decode()
    head, *rows = table_of(card)
    assert [column[:4] for column in head] == [
        "类别", "图片数量", "总体描述", "数据划分", "细分场景", "标注文件", "图片数量",
        "检测框数", "平均尺寸", "描述",
    ]  # fmt: skip
    whole = ["person", "3", "一个 <子>集"]
    assert rows == [
        [*whole, "train", "全部", "train.txt", "2", "2", "36 x 24", "子数据集的全部训练样本"],
        [*whole, "train", "green", "green-train.txt", "2", "2", "36 x 24", "公园、草地"],
        [*whole, "val", "全部", "val.txt", "1", "1", "36 x 24", "子数据集的全部验证样本"],
        [*whole, "val", "green", "green-val.txt", "1", "1", "36 x 24", "公园、草地"],
    ]


def test_limits_that_the_figures_show_are_told(tmp_path: Path) -> None:
    card = card_tree(tmp_path, limits=["Few clips."])["README.md"].decode()
    limits = card[card.index("## Known limits") : card.index("## How to load")].splitlines()
    assert [line for line in limits if line.startswith("- ")] == [
        "- Few clips.",
        "- The validation split holds 33 % of the samples, the recipe asks for 50 %: there are 2 "
        "groups, and the largest holds 67 %.",
        "- No image belongs to these scenes: walls.",
        "- These tags match no scene of the recipe: moon.",
        "- All annotations are machine-made; no person has corrected them.",
    ]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_figures_are_pictures_in_the_cards_language(language: str, tmp_path: Path) -> None:
    tree = card_tree(tmp_path, language=language)
    for name in ("longer_side", "subject_share"):
        drawn = ET.fromstring(tree[f"figures/{name}.svg"])
        words = "".join(drawn.itertext())
        key = "longer_side_px" if name == "longer_side" else name
        assert words_of(language)[key] in words
        assert f"(figures/{name}.svg)" in tree["README.md"].decode()


def test_markup_in_a_source_list_stays_text(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    line = source("a", attribution="<script>|x\ny", licence="[x](y)")
    card = read_tree(workspace, judged(workspace, line, [Crop("a")]))["README.md"].decode()
    assert "| &lt;script&gt;&#124;x y |" in card
    assert "| &#91;x](y) |" in card


def test_markup_in_the_description_stays_text() -> None:
    hostile = "A <img src=x onerror=alert(1)> ![t](https://evil.org/t.png) set & more"
    shown = "A &lt;img src=x onerror=alert(1)&gt; !&#91;t](https://evil.org/t.png) set &amp; more"
    assert _prose(hostile) == shown


def test_every_word_is_there_in_both_languages() -> None:
    assert words_of("en").keys() == words_of("zh").keys()
    assert all(words_of("en").values())


def test_every_rule_and_reason_of_this_room_has_a_chinese_text() -> None:
    reasons = {*RULE_NAMES, TIES_BOTH_SPLITS, OVERLAP, "same_media", "no_person", "mask_empty"}
    assert {reason for reason in reasons if not chinese_reasons().get(reason)} == set()
