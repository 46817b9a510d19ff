"""The gallery: what a view shows, in which order, and that strangers' names stay text."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from flows.desk.site import Site
from flows.desk.view import View
from tasks.common.errors import InputError
from tasks.common.workspace.artifacts import Workspace
from tests.dataset.crops import Crop
from tests.flows.desk.builders import client_of, crop_id, decide, desk_over, run_over

ALL = "abcdef"


def names(client: TestClient, query: str = "") -> str:
    """Return the last letters of a view's crops, in order."""
    answer = client.get(f"/api/tiles?{query}").json()
    return "".join(tile["id"][-1] for tile in answer["tiles"])


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param("", "abcdefa", id="all"),
        pytest.param("verdict=review", "d", id="verdict"),
        pytest.param("verdict=keep,review", "abcda", id="verdicts"),
        pytest.param("rule=frame_cut", "f", id="rule"),
        pytest.param("source=cafe", "a", id="source"),
        pytest.param("uploader=street's", "abcdef", id="uploader"),
        pytest.param("scene=park", "abcdefa", id="scene"),
        pytest.param("scene=moon", "", id="no-such-scene"),
        pytest.param("trust_max=0.7", "d", id="trust"),
        pytest.param("trust_min=0.7", "abcea", id="trust-missing-is-in-no-range"),
        pytest.param("find=CAFE", "a", id="find"),
        pytest.param("sort=sharpness&source=street", "ecdfba", id="sort"),
        pytest.param("sort=sharpness&desc=1&source=street", "abcdfe", id="turned-round"),
        pytest.param("desc=1", "afedcba", id="run-order-turned-round"),
    ],
)
def test_a_view_shows_the_crops_that_it_names(
    read_client: TestClient, query: str, expected: str
) -> None:
    assert names(read_client, query) == expected


def test_crops_that_look_alike_are_a_group_and_the_others_one_without_a_name(
    read_client: TestClient,
) -> None:
    view = read_client.get("/api/view?group=similar").json()
    assert view["starts"] == [0, 3, 7]
    assert view["labels"] == [crop_id("street", "a"), ""]


def test_what_is_shown_of_a_group_comes_from_all_over_it(
    workspace: Workspace, tmp_path: Path
) -> None:
    run_over(workspace, {"street": [Crop(f"{n:02}", hash=0) for n in range(10)]})
    tiles = client_of(desk_over(workspace, tmp_path)).get("/api/tiles?group=similar").json()
    order = [tile["id"][-2:] for tile in tiles["tiles"]]
    assert order[:4] == ["00", "03", "06", "09"]
    assert sorted(order) == [f"{n:02}" for n in range(10)]


def test_groups_follow_the_order_of_the_view(read_client: TestClient) -> None:
    assert names(read_client, "group=source&sort=sharpness") == "ecdfba" + "a"


def test_a_view_counts_what_it_has(read_client: TestClient) -> None:
    view = read_client.get("/api/view?source=street").json()
    assert view["counts"] == {"keep": 3, "review": 1, "drop": 2}
    assert (view["total"], view["all"], view["decided"]) == (6, 7, 0)


def test_a_page_of_tiles_is_a_part_of_the_view(read_client: TestClient) -> None:
    assert names(read_client, "from=2&n=3") == "cde"


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("verdict=maybe", "maybe"),
        ("sort=beauty", "beauty"),
        ("trust_min=2", "trust_min"),
        ("trust_min=nan", "trust_min"),
        ("group=x", "group"),
        ("from=-1", "from"),
        ("size=big", "big"),
    ],
)
def test_an_address_that_is_no_view_is_refused_with_the_word(
    read_client: TestClient, query: str, word: str
) -> None:
    answer = read_client.get(f"/api/tiles?{query}")
    assert answer.status_code == 400
    assert word in answer.json()["error"]


@pytest.mark.parametrize(
    "view",
    [
        View(),
        View(verdict=("keep",), rule="sharpness", trust_min=0.25, desc=True, group="similar"),
        View(find="a&b=c", source="ä ö", size=300, show="cutout", layers=("mask", "pose")),
    ],
)
def test_an_address_gives_its_view_back(view: View) -> None:
    from urllib.parse import parse_qsl

    assert View.of(dict(parse_qsl(view.query()))) == view


def test_the_address_of_the_usual_view_is_empty() -> None:
    assert View().query() == ""


def test_a_view_of_another_kind_is_an_input_error() -> None:
    with pytest.raises(InputError, match="verdict has 'x'"):
        View.of({"verdict": "x"})


def test_the_page_marks_the_filters_of_its_address(read_client: TestClient) -> None:
    html = read_client.get("/?verdict=review&rule=sharpness&find=q%22%3E").text
    assert 'value="review" checked' in html
    assert '<option value="sharpness" selected>' in html
    assert 'value="q&#34;&gt;"' in html


HOSTILE = "<img src=x onerror=alert(1)>\"'&"


def test_a_hostile_uploader_stays_text(workspace: Workspace, tmp_path: Path) -> None:
    run_over(workspace, licence=HOSTILE, attribution=HOSTILE)
    client = client_of(desk_over(workspace, tmp_path))
    html = client.get(f"/crop/{crop_id('street', 'a')}").text
    assert "<img src=x" not in html
    assert "&lt;img src=x onerror=alert(1)&gt;" in html


def test_two_runs_show_a_crop_once_as_the_newest_has_it(
    workspace: Workspace, tmp_path: Path
) -> None:
    run_over(workspace, {"street": [Crop("a"), Crop("b")]}, "run-1")
    run_over(workspace, {"street": [Crop("a", "drop", "sharpness", "No.")]}, "run-2")
    site = desk_over(workspace, tmp_path, "run-1", "run-2")
    tiles = client_of(site).get("/api/tiles").json()["tiles"]
    assert {tile["id"][-1]: tile["verdict"] for tile in tiles} == {"a": "drop", "b": "keep"}


def test_the_newest_run_with_crops_is_the_usual_one(workspace: Workspace, tmp_path: Path) -> None:
    run_over(workspace, {"street": [Crop("a")]}, "run-1")
    run_over(workspace, {"cafe": [Crop("a"), Crop("b")]}, "run-2")
    assert [r.run_id for r in desk_over(workspace, tmp_path).desk.index.records] == ["run-2"]


def test_without_a_run_the_desk_says_how_to_make_one(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="matteflow ingest"):
        desk_over(workspace, tmp_path)


@pytest.mark.parametrize("show", ["picture", "cutout", "light", "alpha"])
def test_a_picture_is_drawn_once_and_kept(
    read_site: Site, read_client: TestClient, show: str
) -> None:
    address = f"/thumb/{crop_id('street', 'a')}?show={show}&px=160"
    first = read_client.get(address)
    assert first.headers["content-type"] == "image/jpeg"
    assert "immutable" in first.headers["cache-control"]
    assert read_client.get(address).content == first.content
    # It is said what is wrong with others.
    assert read_client.get(f"/thumb/{crop_id('street', 'a')}?show=x").status_code == 400


def test_overlays_are_of_the_size_of_the_crop(read_client: TestClient) -> None:
    svg = read_client.get(f"/overlay/{crop_id('street', 'a')}?layers=mask,box").text
    assert 'viewBox="0 0 32 40"' in svg
    assert svg.count("<path") == 2
    assert '<rect x="4' in svg


def test_a_crop_that_no_run_has_is_a_page_that_says_so(read_client: TestClient) -> None:
    answer = read_client.get("/crop/%3Cb%3E")
    assert answer.status_code == 400
    assert "&lt;b&gt;" in answer.text


def test_decided_crops_can_be_filtered(site: Site, client: TestClient) -> None:
    decide(client, site, "keep", crop_id("street", "e"))
    decide(client, site, "bad", crop_id("street", "a"))
    assert names(client, "opinion=decided") == "ae"
    assert names(client, "opinion=bad") == "a"
    assert names(client, "verdict=keep&source=street") == "bce"
    assert names(client, "sort=decided&desc=1&source=street")[:2] == "ae"
