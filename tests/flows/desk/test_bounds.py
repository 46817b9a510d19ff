"""Bounds as sliders: what would change, and recipes that are saved with it."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from flows.desk.recipes import recipes_folder
from flows.desk.site import Site
from tasks.common.recipe.models import load_recipe
from tests.flows.desk.builders import crop_id, decide


def judge(client: TestClient, *changes: str) -> dict[str, object]:
    answer = client.get("/api/judge", params={"c": list(changes)})
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    return found


def test_without_a_change_nothing_moves(read_client: TestClient) -> None:
    result = judge(read_client)
    assert result["before"] == result["after"]
    assert (result["n_entering"], result["n_leaving"]) == (0, 0)


def test_a_tighter_bound_names_the_crops_that_leave(read_client: TestClient) -> None:
    result = judge(read_client, "sharpness.min:0.75", "sharpness.review_min:0.75")
    leaving = [tile["id"] for tile in result["leaving"]]  # type: ignore[attr-defined]
    assert crop_id("street", "c") in leaving
    assert crop_id("street", "a") not in leaving
    assert result["n_leaving"] == len(leaving)


def test_a_bound_that_is_taken_away_lets_crops_in(read_client: TestClient) -> None:
    result = judge(read_client, "sharpness.min:off", "sharpness.review_min:off")
    entering = [tile["id"] for tile in result["entering"]]  # type: ignore[attr-defined]
    assert crop_id("street", "e") in entering


def test_decisions_hold_under_every_bound(site: Site, client: TestClient) -> None:
    decide(client, site, "keep", crop_id("street", "c"))
    leaving = judge(client, "sharpness.min:0.75", "sharpness.review_min:0.75")["leaving"]
    assert crop_id("street", "c") not in [tile["id"] for tile in leaving]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ("sharpness.min:0.9", "rise"),  # above review_min
        ("sharpness.least:0.9", "no bound"),
        ("beauty.min:0.9", "no bound"),
        ("sharpness.min:high", "number"),
        ("sharpness.min:7", "sharpness.min"),
    ],
)
def test_a_bound_that_cannot_be_is_refused_with_the_reason(
    read_client: TestClient, change: str, word: str
) -> None:
    changes = [change] if change != "sharpness.min:0.9" else [change, "sharpness.review_min:0.8"]
    answer = read_client.get("/api/judge", params={"c": changes})
    assert answer.status_code == 400
    assert word in answer.json()["error"]


def save(site: Site, client: TestClient, name: str, **changes: float | None) -> object:
    body = {"name": name, "changes": {key.replace("__", "."): v for key, v in changes.items()}}
    return client.post("/api/recipe", json=body, headers={"x-desk-csrf": site.access.csrf})


def test_a_recipe_is_saved_with_its_changes(site: Site, client: TestClient, tmp_path: Path) -> None:
    answer = save(site, client, "mine", sharpness__min=0.45, subject_share__min=None)
    assert answer.status_code == 200, answer.text  # type: ignore[attr-defined]
    recipe = load_recipe(str(recipes_folder() / "mine.yaml"))
    assert recipe.filter.sharpness is not None
    assert recipe.filter.sharpness.min == 0.45
    assert recipe.filter.sharpness.review_min == 0.5
    assert recipe.filter.subject_share is None
    assert recipe.detect == site.desk.index.records[0].recipe.detect


def test_comments_stay_where_the_file_of_the_recipe_is_known(
    site: Site, client: TestClient
) -> None:
    from tests.flows.builders import RECIPE

    recipes_folder().mkdir(parents=True)
    (recipes_folder() / "base.yaml").write_text(RECIPE)
    save(site, client, "mine", sharpness__min=0.45)
    text = (recipes_folder() / "mine.yaml").read_text()
    assert "# portraits may be cut" in text
    assert "0.45" in text


@pytest.mark.parametrize("name", ["../evil", "a/b", "", ".hidden", "a b", "x" * 70])
def test_a_recipe_is_a_plain_name_in_one_folder(site: Site, client: TestClient, name: str) -> None:
    answer = save(site, client, name, sharpness__min=0.45)
    assert answer.status_code == 400  # type: ignore[attr-defined]
    assert not recipes_folder().exists()


def test_a_saved_recipe_is_not_overwritten(site: Site, client: TestClient) -> None:
    save(site, client, "mine", sharpness__min=0.45)
    before = (recipes_folder() / "mine.yaml").read_text()
    assert save(site, client, "mine", sharpness__min=0.1).status_code == 400  # type: ignore[attr-defined]
    assert (recipes_folder() / "mine.yaml").read_text() == before


def test_the_page_has_a_histogram_and_sliders_of_each_measured_rule(
    read_client: TestClient,
) -> None:
    html = read_client.get("/bounds").text
    assert html.count('class="histogram"') == html.count("<article")
    assert html.count("<article") > 15
    assert "nan" not in html.lower().replace("tenan", "")
