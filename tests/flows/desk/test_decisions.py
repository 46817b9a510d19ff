"""Decisions of the desk: what a key writes, how far it reaches, how it is taken back."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from flows.desk.site import Site
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.decisions import read_decisions
from tests.flows.desk.builders import client_of, crop_id, decide, desk_over, media_of

A, B, C, D, E = (crop_id("street", name) for name in "abcde")


def lines(workspace: Workspace) -> list[tuple[str, str, str, str, bool]]:
    """Return the decisions in the workspace: crop, action, author, reason, whether applied."""
    return [
        (line.item[-1], line.action, line.author, line.reason, line.applied_from is not None)
        for line in read_decisions(workspace, media_of("street"))
    ]


@pytest.mark.parametrize(
    ("action", "stored", "verdict"),
    [
        ("keep", "keep", "keep"),
        ("review", "review", "review"),
        ("good", "good_mask", "drop"),
        ("bad", "bad_mask", "review"),
        ("person", "needs_person", "review"),
    ],
)
def test_a_key_is_a_line_in_the_workspace_and_changes_the_tile(
    site: Site, client: TestClient, workspace: Workspace, action: str, stored: str, verdict: str
) -> None:
    answer = decide(client, site, action, E, author="li")
    assert lines(workspace) == [("e", stored, "li", "", False)]
    assert answer["tiles"][0]["verdict"] == verdict
    assert answer["tiles"][0]["rule_verdict"] == "drop"


def test_a_drop_has_its_reason(site: Site, client: TestClient, workspace: Workspace) -> None:
    decide(client, site, "drop", A, reason="occluded")
    assert lines(workspace) == [("a", "drop", "ann", "occluded", False)]


def test_a_drop_without_a_reason_is_refused(
    site: Site, client: TestClient, workspace: Workspace
) -> None:
    answer = client.post(
        "/api/decide",
        json={"action": "drop", "crops": [A]},
        headers={"x-desk-csrf": site.access.csrf},
    )
    assert answer.status_code == 400
    assert "reason" in answer.json()["error"]
    assert lines(workspace) == []


@pytest.mark.parametrize(
    "body",
    [
        {"action": "burn", "crops": [A]},
        {"action": "keep", "crops": []},
        {"action": "keep", "crops": ["nobody"]},
        {"action": "keep", "crops": [A], "scope": "world"},
        {"action": "keep", "crops": [A], "more": 1},
    ],
)
def test_what_no_page_sends_is_refused_in_a_sentence(
    read_site: Site, read_client: TestClient, body: object
) -> None:
    answer = read_client.post(
        "/api/decide", json=body, headers={"x-desk-csrf": read_site.access.csrf}
    )
    assert answer.status_code == 400
    assert len(answer.json()["error"]) > 10


def test_an_answer_reaches_the_cluster_and_says_so(
    site: Site, client: TestClient, workspace: Workspace
) -> None:
    answer = decide(client, site, "good", A, scope="similar")
    assert (answer["n"], answer["applied"]) == (3, 2)
    assert sorted(lines(workspace)) == [
        ("a", "good_mask", "ann", "", False),
        ("b", "good_mask", "ann", "", True),
        ("c", "good_mask", "ann", "", True),
    ]
    assert [tile["mark"]["applied"] for tile in answer["tiles"]] == [False, True, True]


def test_what_was_looked_at_is_not_applied(
    site: Site, client: TestClient, workspace: Workspace
) -> None:
    decide(client, site, "good", A, B, scope="similar")
    assert sorted(line[0] + str(line[-1]) for line in lines(workspace)) == [
        "aFalse", "bFalse", "cTrue",
    ]  # fmt: skip


def test_an_answer_reaches_no_crop_that_the_view_hides(site: Site, client: TestClient) -> None:
    decide(client, site, "review", B)
    answer = decide(client, site, "good", A, scope="similar", query="verdict=keep")
    assert answer["n"] == 2


def test_undo_takes_back_a_whole_answer(
    site: Site, client: TestClient, workspace: Workspace
) -> None:
    decide(client, site, "keep", E)
    decide(client, site, "bad", A, scope="similar")
    headers = {"x-desk-csrf": site.access.csrf}
    answer = client.post("/api/undo", json={}, headers=headers).json()
    assert answer["n"] == 3
    assert {tile["verdict"] for tile in answer["tiles"]} == {"keep"}
    assert client.post("/api/undo", json={}, headers=headers).json()["n"] == 1
    assert client.post("/api/undo", json={}, headers=headers).json()["n"] == 0
    assert len(lines(workspace)) == 8  # nothing was removed


def test_nobody_undoes_what_another_person_decided(site: Site, client: TestClient) -> None:
    decide(client, site, "keep", E, author="li")
    headers = {"x-desk-csrf": site.access.csrf}
    assert client.post("/api/undo", json={"author": "wu"}, headers=headers).json()["n"] == 0
    assert client.post("/api/undo", json={"author": "li"}, headers=headers).json()["n"] == 1


def test_of_two_people_the_last_one_counts_and_both_stay(
    site: Site, client: TestClient, workspace: Workspace, tmp_path: Path
) -> None:
    other = desk_over(workspace, tmp_path)  # another program on the same workspace
    decide(client_of(other), other, "keep", E, author="li")
    decide(client, site, "drop", E, author="wu", reason="blurred")
    reread = client_of(desk_over(workspace, tmp_path))
    (tile,) = reread.get(f"/api/some?ids={E}").json()["tiles"]
    assert (tile["verdict"], tile["mark"]["author"]) == ("drop", "wu")
    assert [line[2] for line in lines(workspace)] == ["li", "wu"]


def test_a_desk_hears_of_what_another_program_decided(
    site: Site, client: TestClient, workspace: Workspace, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    before = client.get("/api/revision").json()["revision"]
    other = desk_over(workspace, tmp_path)
    decide(client_of(other), other, "keep", E)
    monkeypatch.setattr(site.desk.decisions, "_pause_s", 0.0)
    assert client.get("/api/revision").json()["revision"] != before
    assert client.get("/api/view?opinion=decided").json()["total"] == 1


def test_decisions_outlive_the_desk(site: Site, client: TestClient, tmp_path: Path) -> None:
    decide(client, site, "drop", A, reason="other")
    again = client_of(desk_over(site.desk.workspace, tmp_path))
    (tile,) = again.get(f"/api/some?ids={A}").json()["tiles"]
    assert tile["mark"] == {
        "verdict": "drop", "reason": "other", "mask": "", "author": "ann",
        "at": tile["mark"]["at"], "applied": False,
    }  # fmt: skip


def test_an_author_without_visible_letters_is_the_one_of_the_desk(
    site: Site, client: TestClient, workspace: Workspace
) -> None:
    decide(client, site, "keep", A, author=" \n\t")
    assert lines(workspace)[0][2] == "ann"
