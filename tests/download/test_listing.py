from pathlib import Path

import pytest

from tasks.common.errors import InputError
from tasks.common.records import Source
from tasks.download.sources.read import read_sources


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        pytest.param("l.csv", "", "(none)", id="empty CSV"),
        pytest.param("l.csv", "source_id,uri\n", "lists no source", id="CSV with a header only"),
        pytest.param("l.yaml", "", "no list under the key 'sources'", id="empty YAML"),
        pytest.param("l.yaml", "sources: []", "lists no source", id="empty YAML list"),
        pytest.param("l.yaml", "sources: [a]", "no list under the key", id="YAML list of words"),
        pytest.param("l.yaml", "- a: 1", "no list under the key", id="YAML without the key"),
        pytest.param("l.yaml", "sources: [", "not valid YAML", id="broken YAML"),
        pytest.param("l.csv", "source_id,url\na,b\n", "missing: uri", id="missing column"),
        pytest.param("l.csv", "uri\nb.mp4\n", "missing: source_id", id="missing id column"),
        pytest.param("l.csv", "source_id,uri\n,b.mp4\n", "entry 1: source_id", id="empty id"),
        pytest.param("l.csv", "source_id,uri\na,\n", "entry 1: uri", id="empty address"),
        pytest.param("l.csv", "source_id,uri,fps\na,b,3\n", "not known: fps", id="unknown column"),
        pytest.param("l.csv", "source_id,uri\na b,c\n", "source_id = 'a b'", id="id with a space"),
        pytest.param("l.csv", "source_id,uri\n-a,c\n", "source_id = '-a'", id="id begins with -"),
        pytest.param("l.csv", "source_id,uri\n../a,c\n", "source_id = '../a'", id="id is a path"),
        pytest.param("l.csv", f"source_id,uri\n{'a' * 101},c\n", "entry 1", id="id too long"),
        pytest.param("l.csv", "source_id,uri\na,b,c,d\n", "entry 1", id="more cells than columns"),
        pytest.param("l.csv", "source_id,uri,kind\na,b,film\n", "kind = 'film'", id="bad kind"),
        pytest.param(
            "l.csv", "source_id,uri\na,b\nc,d\na,e\n", "'a' occurs 2 times", id="duplicate id"
        ),
        pytest.param("l.yaml", "sources: [{uri: b}]", "entry 1: source_id", id="YAML without id"),
    ],
)
def test_a_wrong_list_is_refused_with_a_message_that_names_the_thing(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    path = write(tmp_path / name, text)
    with pytest.raises(InputError) as caught:
        read_sources(str(path))
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


def test_every_finding_of_a_list_is_named_at_once(tmp_path: Path) -> None:
    path = write(tmp_path / "l.csv", "source_id,uri\n!,b\nok,c\n?,d\nok,e\n")
    with pytest.raises(InputError) as caught:
        read_sources(str(path))
    for said in ("entry 1", "entry 3", "'ok' occurs 2 times"):
        assert said in str(caught.value)


def test_a_list_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "l.csv"
    path.write_bytes("source_id,uri,attribution\na,b,Müller\n".encode("latin-1"))
    with pytest.raises(InputError, match="is not UTF-8 text"):
        read_sources(str(path))


@pytest.mark.parametrize("address", ["no-such-list", "no/such/list.csv"])
def test_an_unknown_address_is_refused_by_name(address: str) -> None:
    with pytest.raises(InputError, match=f"There is no '{address}'"):
        read_sources(address)


def test_a_csv_gives_its_sources_in_order_with_all_columns(tmp_path: Path) -> None:
    header = "source_id,uri,kind,scenes,licence,attribution,uploader,captured_with"
    row = "b,clip.mp4,video,street; night,CC0-1.0,Someone,me,Insta360 X4"
    path = write(tmp_path / "l.csv", f"{header}\n{row}\na,/p.jpg,,,,,,\n")
    assert read_sources(str(path)) == (
        Source(
            source_id="b",
            uri=str(tmp_path / "clip.mp4"),
            kind="video",
            scenes=("street", "night"),
            licence="CC0-1.0",
            attribution="Someone",
            uploader="me",
            captured_with="Insta360 X4",
        ),
        Source(source_id="a", uri="/p.jpg"),
    )


def test_a_csv_saved_by_a_spreadsheet_is_read(tmp_path: Path) -> None:
    path = tmp_path / "l.CSV"
    path.write_bytes('\ufeffsource_id,uri,attribution\r\na,/b,"One, Two"\r\n\r\n'.encode())
    assert read_sources(str(path)) == (Source(source_id="a", uri="/b", attribution="One, Two"),)


@pytest.mark.parametrize(
    ("cell", "scenes"),
    [
        pytest.param("", (), id="none"),
        pytest.param("street", ("street",), id="one"),
        pytest.param("street;night", ("street", "night"), id="semicolon"),
        pytest.param("street|night", ("street", "night"), id="bar"),
        pytest.param(" street ; ; night;", ("street", "night"), id="spaces and empty parts"),
    ],
)
def test_scenes_are_separated(tmp_path: Path, cell: str, scenes: tuple[str, ...]) -> None:
    path = write(tmp_path / "l.csv", f"source_id,uri,scenes\na,/b,{cell}\n")
    assert read_sources(str(path))[0].scenes == scenes


@pytest.mark.parametrize(
    ("scenes", "expected"),
    [("[street, night]", ("street", "night")), ("street; night", ("street", "night"))],
    ids=["list", "text"],
)
def test_yaml_scenes_may_be_a_list_or_text(
    tmp_path: Path, scenes: str, expected: tuple[str, ...]
) -> None:
    path = write(
        tmp_path / "l.yml",
        f"sources: [{{source_id: a, uri: /b, scenes: {scenes}}}]".replace("; ", ";"),
    )
    assert read_sources(str(path))[0].scenes == expected


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        pytest.param("clip.mp4", "{folder}/clip.mp4", id="beside the list"),
        pytest.param("sub/clip.mp4", "{folder}/sub/clip.mp4", id="below the list"),
        pytest.param("sub/12:30.mp4", "{folder}/sub/12:30.mp4", id="colon in a file's name"),
        pytest.param("/abs/clip.mp4", "/abs/clip.mp4", id="absolute"),
        pytest.param("http://h/c.mp4", "http://h/c.mp4", id="http"),
        pytest.param("package:n/c.mp4", "package:n/c.mp4", id="package"),
        pytest.param("file:///c.mp4", "file:///c.mp4", id="file scheme"),
    ],
)
def test_relative_paths_count_from_the_folder_of_the_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uri: str, expected: str
) -> None:
    (tmp_path / "lists").mkdir()
    path = write(tmp_path / "lists" / "l.csv", f"source_id,uri\na,{uri}\n")
    monkeypatch.chdir(tmp_path)
    wanted = expected.format(folder=path.parent)
    assert read_sources("lists/l.csv")[0].uri == wanted
    assert read_sources(str(path))[0].uri == wanted


def test_the_list_that_comes_with_the_project_is_read() -> None:
    sources = read_sources("demo")
    assert [source.source_id for source in sources] == [
        "bus",
        "zidane",
        "astronaut",
        "bikes",
        "carphone",
    ]
    assert sources[3].scenes == ("street", "sports")
    assert {source.uri.split(":")[0] for source in sources} == {"package"}


def test_a_single_file_is_one_source_named_after_it(tmp_path: Path) -> None:
    (tmp_path / "Über Straße (1).mp4").write_bytes(b"x")
    assert read_sources(str(tmp_path / "Über Straße (1).mp4")) == (
        Source(source_id="ber-Stra-e-1", uri=str(tmp_path / "Über Straße (1).mp4")),
    )


def test_a_web_address_is_one_source() -> None:
    (source,) = read_sources("http://host/a/clip.mp4")
    assert source == Source(source_id="clip", uri="http://host/a/clip.mp4")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(" source_id , uri ,uploader\n a , b.mp4 , x \n", id="spaces"),
        pytest.param("source_id,uri,uploader\n,,\n\na,b.mp4,x\n", id="blank rows"),
        pytest.param("source_id,uri,uploader\na,b.mp4,x,,\n", id="empty cells behind"),
    ],
)
def test_blanks_around_the_cells_of_a_table_mean_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text(text)
    (source,) = read_sources(str(tmp_path / "l.csv"))
    assert (source.source_id, source.uri, source.uploader) == ("a", str(tmp_path / "b.mp4"), "x")


def test_a_quoted_line_break_stays_in_its_cell(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text('source_id,uri,attribution\na,b.mp4,"two\nlines"\n')
    assert read_sources(str(tmp_path / "l.csv"))[0].attribution == "two\nlines"


def test_a_row_with_more_cells_than_columns_is_refused_by_its_number(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text("source_id,uri\na,b.mp4\nc,d,e.mp4\n")
    with pytest.raises(InputError, match="entry 2 has 3 cells, more than the 2 columns"):
        read_sources(str(tmp_path / "l.csv"))
