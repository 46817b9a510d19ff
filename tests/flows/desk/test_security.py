"""Who may talk to the desk."""

import pytest
from starlette.testclient import TestClient

from flows.desk.app import ROUTES
from flows.desk.security import Access
from flows.desk.site import Site
from tests.flows.desk.builders import PORT, client_of, crop_id, stranger_to

READ = sorted({path for method, path, _ in ROUTES if method == "GET"})
CHANGE = sorted({path for method, path, _ in ROUTES if method == "POST"})


def filled(path: str) -> str:
    return path.replace("{crop_id}", crop_id("street", "a")).replace("{job_id}", "1")


@pytest.mark.parametrize("path", [*READ, "/static/desk.css"])
def test_without_the_cookie_nothing_is_shown(read_site: Site, path: str) -> None:
    answer = stranger_to(read_site).get(filled(path), follow_redirects=False)
    assert answer.status_code == 403
    assert "matteflow desk" in answer.text


@pytest.mark.parametrize("token", ["", "wrong", "é"])
def test_a_wrong_token_gives_no_cookie(read_site: Site, token: str) -> None:
    answer = stranger_to(read_site).get("/", params={"token": token})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_the_token_becomes_a_cookie_that_no_script_and_no_other_site_gets(read_site: Site) -> None:
    answer = stranger_to(read_site).get(
        "/", params={"token": read_site.access.token, "verdict": "keep"}
    )
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert read_site.access.token not in cookie
    assert "url=/?verdict=keep" in answer.text
    assert read_site.access.token not in answer.text


@pytest.mark.parametrize("host", ["evil.example:8760", "127.0.0.1:9999", "evil.example", ""])
def test_another_host_name_is_refused(read_site: Site, host: str) -> None:
    assert client_of(read_site).get("/", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_the_names_of_loopback_are_known(read_site: Site, host: str) -> None:
    assert client_of(read_site).get("/", headers={"host": f"{host}:{PORT}"}).status_code == 200


def test_a_server_for_a_team_takes_its_numeric_addresses_but_no_foreign_name() -> None:
    access = Access(PORT, ["desk.lan"], any_address=True)
    assert access.knows(f"10.1.2.3:{PORT}")
    assert access.knows(f"desk.lan:{PORT}")
    assert not access.knows(f"evil.example:{PORT}")
    assert not Access(PORT).knows(f"10.1.2.3:{PORT}")


@pytest.mark.parametrize("path", CHANGE)
@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="no-value"),
        pytest.param({"x-desk-csrf": "guess"}, id="wrong-value"),
        pytest.param({"origin": "https://evil.example"}, id="other-origin"),
        pytest.param({"sec-fetch-site": "cross-site"}, id="other-site"),
    ],
)
def test_a_change_from_elsewhere_is_refused(
    read_site: Site, read_client: TestClient, path: str, headers: dict[str, str]
) -> None:
    if "x-desk-csrf" not in headers and headers:
        headers = {**headers, "x-desk-csrf": read_site.access.csrf}
    answer = read_client.post(filled(path), json={"action": "keep"}, headers=headers)
    assert answer.status_code == 403


@pytest.mark.parametrize("path", CHANGE)
def test_nothing_is_changed_by_a_link(read_client: TestClient, path: str) -> None:
    assert read_client.get(filled(path)).status_code in (404, 405)


@pytest.mark.parametrize("path", ["/", "/static/desk.css", "/nowhere"])
def test_every_answer_has_a_strict_policy(read_client: TestClient, path: str) -> None:
    headers = read_client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in headers


def test_no_page_has_a_script_or_style_of_its_own(read_client: TestClient) -> None:
    for path in ("/", f"/crop/{crop_id('street', 'a')}"):
        html = read_client.get(path).text
        assert "<style" not in html
        assert " style=" not in html
        assert " onclick" not in html
        assert html.count("<script") == html.count('<script type="module" src="/static/')


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "javascript:1"])
def test_the_choice_of_language_leads_nowhere_else(read_client: TestClient, target: str) -> None:
    answer = read_client.get(
        "/language", params={"to": "zh", "next": target}, follow_redirects=False
    )
    assert answer.headers["location"].startswith("/")
    assert not answer.headers["location"].startswith("//")
    assert "evil" not in answer.headers["location"]
