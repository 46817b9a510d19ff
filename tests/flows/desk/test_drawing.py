"""The brush: what comes back is stored like an annotator's mask."""

import numpy as np
import pytest
from starlette.testclient import TestClient

from flows.desk.site import Site
from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.corrections import read_corrections, read_mask
from tests.dataset.builders import person_mask
from tests.flows.desk.builders import crop_id, media_of

A = crop_id("street", "a")


def mask_of(client: TestClient, name: str = A) -> np.ndarray:
    answer = client.get(f"/mask/{name}")
    size = int(answer.headers["x-height"]), int(answer.headers["x-width"])
    return np.frombuffer(answer.content, np.uint8).reshape(size).copy()


def draw(client: TestClient, site: Site, data: bytes, name: str = A, author: str = "li") -> object:
    headers = {"x-desk-csrf": site.access.csrf, "content-type": "application/octet-stream"}
    return client.post(
        f"/api/draw/{name}", params={"author": author}, content=data, headers=headers
    )


def test_the_page_gets_the_mask_px_for_px(client: TestClient) -> None:
    assert np.array_equal(mask_of(client), person_mask())


def test_a_drawn_mask_is_a_correction_by_its_author(
    site: Site, client: TestClient, workspace: Workspace
) -> None:
    mask = mask_of(client)
    mask[0:3, 0:4] = 1
    answer = draw(client, site, mask.tobytes())
    assert answer.json()["result"] == "corrected"  # type: ignore[attr-defined]
    assert "adds 12 px and removes 0 px" in answer.json()["sentence"]  # type: ignore[attr-defined]
    (correction,) = read_corrections(workspace, media_of("street"))
    assert (correction.annotator, correction.channel, correction.sample) == ("li", "desk", A)
    assert np.array_equal(read_mask(workspace, media_of("street"), correction.mask_digest), mask)
    base = read_mask(workspace, media_of("street"), correction.base_digest)
    assert np.array_equal(base, person_mask())


def test_the_desk_shows_the_drawn_mask_from_then_on(site: Site, client: TestClient) -> None:
    before = client.get(f"/api/some?ids={A}").json()["tiles"][0]["v"]
    mask = mask_of(client)
    mask[0:3, 0:4] = 1
    draw(client, site, mask.tobytes())
    assert np.array_equal(mask_of(client), mask)
    assert client.get(f"/api/some?ids={A}").json()["tiles"][0]["v"] != before
    assert "li on" in client.get(f"/crop/{A}").text
    # Others of its media keep theirs.
    assert np.array_equal(mask_of(client, crop_id("street", "b")), person_mask())


def test_a_second_drawing_replaces_the_first(site: Site, client: TestClient) -> None:
    first = mask_of(client)
    first[0:3, 0:4] = 1
    draw(client, site, first.tobytes())
    second = mask_of(client)
    second[0:3, 0:2] = 0
    draw(client, site, second.tobytes())
    assert np.array_equal(mask_of(client), second)


def test_an_unchanged_mask_was_looked_at(site: Site, client: TestClient) -> None:
    answer = draw(client, site, mask_of(client).tobytes())
    assert answer.json()["result"] == "confirmed"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\1" * 7, id="another-size"),
        pytest.param(b"\2" * 1280, id="other-codes"),
        pytest.param(b"\0" * 1280, id="no-person"),
    ],
)
def test_what_is_no_mask_of_the_crop_is_refused_and_not_stored(
    site: Site, client: TestClient, workspace: Workspace, data: bytes
) -> None:
    answer = draw(client, site, data)
    assert answer.status_code == 400  # type: ignore[attr-defined]
    assert A in answer.json()["error"] or "person" in answer.json()["error"]  # type: ignore[attr-defined]
    assert read_corrections(workspace, media_of("street")) == ()


def test_a_crop_without_a_mask_cannot_be_drawn_on(site: Site, client: TestClient) -> None:
    answer = draw(client, site, b"\1" * 1280, crop_id("street", "f"))
    assert answer.status_code == 400  # type: ignore[attr-defined]
    assert "never matted" in answer.json()["error"]  # type: ignore[attr-defined]
