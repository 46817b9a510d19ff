"""Lists as spreadsheets write them: other separators, encodings, quotes that are not closed."""

from pathlib import Path

import pytest

from tasks.common.errors import InputError
from tasks.common.records import Source
from tasks.download.sources.read import read_sources

ROWS = "source_id,uri,scenes,uploader\r\na,/街拍 一号.jpg,街道|公园,小明\r\n"
EXPECTED = (Source(source_id="a", uri="/街拍 一号.jpg", scenes=("街道", "公园"), uploader="小明"),)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(ROWS.encode(), id="UTF-8"),
        pytest.param(ROWS.encode("utf-16"), id="UTF-16"),
        pytest.param(ROWS.replace(",", "\t").encode("utf-16"), id="Unicode text"),
        pytest.param(b"\xfe\xff" + ROWS.encode("utf-16-be"), id="big endian"),
        pytest.param(ROWS.replace(",", ";").encode("utf-8-sig"), id="semicolons"),
        pytest.param(ROWS.replace(",", "，").encode(), id="full-width commas"),
        pytest.param(ROWS.replace("|", "；").encode(), id="full-width semicolon in a cell"),
        pytest.param(ROWS.replace("|", "、").encode(), id="enumeration comma in a cell"),
        pytest.param(ROWS.replace("\r\n", "\r").encode(), id="CR"),
        pytest.param(ROWS.replace("source_id,uri", "Source_ID, URI ").encode(), id="headings"),
        pytest.param(ROWS.replace("a,/", '"a","/').replace(".jpg", '.jpg"').encode(), id="quotes"),
    ],
)
def test_a_list_is_read_however_a_spreadsheet_wrote_it(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "l.csv").write_bytes(data)
    assert read_sources(str(tmp_path / "l.csv")) == EXPECTED


HEAD = "source_id,uri,attribution\n"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param(f'{HEAD}a,/a,"by Ann\nb,/b,Bob\nc,/c,Eve\n', "line 2", id="to the end"),
        pytest.param(f'{HEAD}a,/a,"Ann\nb,/b,"Bob"\n', "line 2", id="closed by the next quote"),
        pytest.param(f'{HEAD}x,/x,X\na,/a,"Ann\nb,/b,Bob"\n', "line 3", id="swallows a row"),
        pytest.param(
            HEAD + "".join(f"i{n},/{n}.mp4,{chr(34) * (n == 3)}Ann\n" for n in range(9000)),
            "line 5",
            id="a long list",
        ),
        pytest.param("source_id,uri\na,\0b\n", "NUL character in line 2", id="NUL"),
        pytest.param("source_id;uri;fps\na;b;3\n", "not known: fps", id="unknown column"),
        pytest.param("source_id;uri\na;b;c\n", "holds ';' in double quotes", id="too many cells"),
    ],
)
def test_a_broken_list_is_refused_with_the_place(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "l.csv").write_text(text)
    with pytest.raises(InputError) as caught:
        read_sources(str(tmp_path / "l.csv"))
    assert sentence in str(caught.value)


def test_gbk_is_refused_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_bytes(ROWS.encode("gb18030"))
    with pytest.raises(InputError, match="iconv -f gb18030 -t utf-8"):
        read_sources(str(tmp_path / "l.csv"))


@pytest.mark.parametrize(
    "text", ["sources: [{source_id: a, uri: 2026-02-30}]", "? [a]\n: b", "a: &a [*a]"]
)
def test_odd_yaml_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "l.yaml").write_text(text)
    with pytest.raises(InputError):
        read_sources(str(tmp_path / "l.yaml"))
