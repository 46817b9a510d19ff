"""The most important paths through the desk, in a real browser: Debian's chromium.

They are skipped where it is missing; `make desk-check` installs it and runs them.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tasks.common.workspace.artifacts import Workspace
from tasks.common.workspace.corrections import read_corrections, read_mask
from tasks.common.workspace.decisions import read_decisions
from tests.dataset.builders import person_mask
from tests.dataset.crops import Crop
from tests.flows.desk.builders import FRAMES, crop_id, media_of, run_over
from tests.tiers import needs

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.service,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium; `make desk-check` installs it"),
]
MINUS = "\N{MINUS SIGN}"
HOSTILE = "<img src=x onerror=\"document.title='owned'\">"


class Server:
    """A desk in a process of its own, over one workspace."""

    def __init__(self, home: Path):
        self.home = home
        self.workspace = Workspace(home / "workspace")
        self._process: subprocess.Popen[str] | None = None
        self.address = ""

    def start(self) -> None:
        """Start the program, and wait for the address that it prints."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "flows", "desk", "--port", "0", "--author", "ann"],
            env={**os.environ, "MATTEFLOW_HOME": str(self.home), "COLUMNS": "200"},
            cwd=Path(__file__).parents[3],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._process.stdout is not None
        printed = []
        for line in self._process.stdout:
            printed.append(line)
            if match := re.search(r"http://\S+", line):
                self.address = match.group()
                return
        pytest.fail("".join(printed))

    @property
    def base(self) -> str:
        """The address without the token."""
        return self.address.partition("/?")[0]

    def stop(self, sign: signal.Signals = signal.SIGINT) -> tuple[int, str]:
        """End it by a signal; return its exit code and what it printed last."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(sign)
        output = self._process.stdout
        rest = "" if output is None or output.closed else self._process.communicate(timeout=30)[0]
        return self._process.returncode, rest

    def lines(self, source: str = "street") -> list[tuple[str, str]]:
        """Return the decisions in the workspace: crop and action."""
        found = read_decisions(self.workspace, media_of(source))
        return [(line.item[-1], line.action) for line in found]


@pytest.fixture(scope="module")
@needs("service")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # Without its own sandbox, which does not start as root in a container.
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])


def started(home: Path) -> Server:
    """Return a desk that answers, over a run of nine crops."""
    served = Server(home)
    frames = [*FRAMES, *(Crop(f"g{n}", hash=5 << n) for n in range(2))]
    run_over(served.workspace, {"street": frames, "cafe": [Crop("a")]}, attribution=HOSTILE)
    served.start()
    return served


@pytest.fixture
@needs("service")
def server(tmp_path: Path) -> Iterator[Server]:
    served = started(tmp_path / "desk-home")
    yield served
    served.stop(signal.SIGKILL)


@pytest.fixture(scope="module")
@needs("service")
def read_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A desk for tests that only look: starting one takes seconds."""
    served = started(tmp_path_factory.mktemp("desk-home"))
    yield served
    served.stop(signal.SIGKILL)


def opened(browser: Browser, server: Server, *, width: int = 1366, lang: str = "en-US") -> Page:
    """Return a page of a new person who opened the printed address."""
    context = browser.new_context(viewport={"width": width, "height": 768}, locale=lang)
    page = context.new_page()
    # A refused script or style shows up here, and any error of ours.
    page.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    problems: list[str] = []
    page.problems = problems  # type: ignore[attr-defined]
    page.goto(server.address)
    expect(page.locator(".tile").first).to_be_visible()
    return page


def tile(page: Page, name: str, source: str = "street") -> Locator:
    return page.get_by_role("option", name=f"{crop_id(source, name)}, ")


def go(page: Page, server: Server, path: str) -> None:
    page.goto(server.base + path)
    page.wait_for_load_state("networkidle")  # scripts have run


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    yield from _checked(opened(browser, server))


@pytest.fixture
def read_page(browser: Browser, read_server: Server) -> Iterator[Page]:
    yield from _checked(opened(browser, read_server))


def _checked(page: Page) -> Iterator[Page]:
    """Yield a page, and see that nothing was refused on it and no script failed."""
    yield page
    assert page.problems == []  # type: ignore[attr-defined]
    page.context.close()


def test_the_printed_address_opens_the_gallery_and_hides_the_token(
    read_page: Page, read_server: Server
) -> None:
    assert "token" not in read_page.url
    expect(read_page.locator("#total")).to_have_text("9")
    expect(read_page.locator(".tile.focus")).to_have_count(1)


def test_a_view_stands_in_the_address_and_can_be_given_to_a_colleague(
    read_page: Page, read_server: Server, browser: Browser
) -> None:
    read_page.get_by_role("checkbox", name="review").check()
    read_page.get_by_label("Group").select_option("similar")
    expect(read_page.locator("#total")).to_have_text("1")
    expect(read_page).to_have_url(re.compile(r"verdict=review.*group=similar"))
    colleague = opened(browser, read_server)
    colleague.goto(read_page.url)
    expect(colleague.locator("#total")).to_have_text("1")
    expect(colleague.get_by_label("Group")).to_have_value("similar")


def test_keys_decide_and_undo(page: Page, server: Server) -> None:
    page.keyboard.press("r")
    page.keyboard.press("d")
    page.keyboard.press("2")
    expect(tile(page, "a")).to_have_class(re.compile("review"))
    expect(tile(page, "b").locator(".badge")).to_contain_text("part of the body")
    assert server.lines() == [("a", "review"), ("b", "drop")]
    page.keyboard.press("z")
    expect(tile(page, "b").locator(".badge")).to_have_count(0)
    assert server.lines()[-1] == ("b", "undo")


def test_one_key_answers_for_a_cluster_and_the_rest_is_marked(page: Page, server: Server) -> None:
    go(page, server, "/?group=similar&source=street")
    expect(page.locator("#scope")).to_have_attribute("data-scope", "similar")
    page.keyboard.press("g")
    expect(tile(page, "a").locator(".badge").first).to_have_text("good mask")
    assert {name for name, action in server.lines() if action == "good_mask"} >= {"a", "b", "c"}
    applied = [line for line in read_decisions(server.workspace, media_of("street"))
               if line.applied_from]  # fmt: skip
    assert len(applied) == len(server.lines()) - 4
    # On to the next cluster.
    expect(tile(page, "a")).not_to_have_class(re.compile("focus"))


def test_a_crop_opens_with_its_measures_and_back_leads_to_the_view(
    read_page: Page, read_server: Server
) -> None:
    go(read_page, read_server, "/?source=street&sort=sharpness&desc=1")
    read_page.keyboard.press("ArrowRight")
    read_page.keyboard.press("Enter")
    expect(read_page.get_by_role("heading", level=1)).to_have_text(crop_id("street", "b"))
    expect(read_page.locator(".measures tbody tr")).to_have_count(25)
    expect(read_page.locator("#picture")).to_have_attribute("src", re.compile("thumb"))
    read_page.keyboard.press("2")
    expect(read_page.locator('[data-layer="pose"]')).to_have_attribute("aria-pressed", "true")
    read_page.keyboard.press("ArrowRight")
    expect(read_page.get_by_role("heading", level=1)).to_have_text(crop_id("street", "c"))
    read_page.keyboard.press("Escape")
    expect(read_page).to_have_url(re.compile(r"/\?source=street&sort=sharpness&desc=1"))


def test_the_brush_changes_exactly_the_px_that_it_touches(page: Page, server: Server) -> None:
    go(page, server, f"/crop/{crop_id('street', 'a')}")
    page.keyboard.press("e")
    expect(page.locator("#brush-canvas")).to_be_visible()
    page.locator("#brush-size").fill("1")
    box = page.locator("#brush-canvas").bounding_box()
    assert box is not None
    zoom = box["width"] / 32

    def at(x: int, y: int) -> tuple[float, float]:
        return box["x"] + (x + 0.5) * zoom, box["y"] + (y + 0.5) * zoom

    page.mouse.click(*at(2, 3))
    page.mouse.click(*at(4, 3))
    page.keyboard.press("z")
    page.keyboard.press("2")  # remove
    page.mouse.move(*at(8, 6))
    page.mouse.down()
    page.mouse.move(*at(11, 6), steps=12)
    page.mouse.up()
    expect(page.locator("#brush-count")).to_have_text(f"+1 {MINUS}4 px")
    page.keyboard.press("s")
    expect(page.locator("#machine")).to_be_visible()
    (correction,) = read_corrections(server.workspace, media_of("street"))
    expected = person_mask()
    expected[3, 2] = 1
    expected[6, 8:12] = 0
    drawn = read_mask(server.workspace, media_of("street"), correction.mask_digest)
    assert np.array_equal(drawn, expected)
    assert (correction.annotator, correction.channel) == ("ann", "desk")


def test_a_click_erases_a_part_that_hangs_together(page: Page, server: Server) -> None:
    go(page, server, f"/crop/{crop_id('street', 'a')}")
    page.keyboard.press("e")
    box = page.locator("#brush-canvas").bounding_box()
    assert box is not None
    page.keyboard.press("3")
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator("#brush-count")).to_have_text(f"+0 {MINUS}480 px")
    page.keyboard.press("z")
    expect(page.locator("#brush-count")).to_have_text(f"+0 {MINUS}0 px")
    page.keyboard.press("Escape")
    assert read_corrections(server.workspace, media_of("street")) == ()


def test_a_slider_shows_what_leaves_and_becomes_a_recipe(page: Page, server: Server) -> None:
    go(page, server, "/bounds")
    rule = page.locator('[data-rule="sharpness"]')
    slider = rule.get_by_label("sharpness drop below")
    slider.focus()
    slider.fill("0.75")
    expect(page.locator("#n-leaving")).not_to_have_text("0")
    expect(page.locator("#leaving li").first).to_be_visible()
    # The bound for review was below it, and moved along.
    expect(rule.locator('[data-bound="review_min"] .exact')).to_have_value("0.75")
    page.get_by_label("Save as").fill("tight")
    page.get_by_role("button", name="Save the recipe").click()
    expect(page.get_by_role("link", name="Publish by it")).to_be_visible()
    assert "0.75" in (server.home / "recipes" / "tight.yaml").read_text()


def test_a_hostile_name_stays_text(read_page: Page, read_server: Server) -> None:
    go(read_page, read_server, f"/crop/{crop_id('street', 'a')}")
    expect(read_page.get_by_text(HOSTILE)).to_be_visible()
    assert "owned" not in read_page.title()


def test_two_people_see_each_other_and_the_last_one_counts(
    page: Page, server: Server, browser: Browser
) -> None:
    other = opened(browser, server)
    other.locator("#author").fill("li")
    other.locator("#author").press("Enter")
    other.locator("#grid").focus()
    other.keyboard.press("r")
    expect(tile(page, "a")).to_have_class(re.compile("review"), timeout=15_000)
    page.locator("#grid").focus()
    page.keyboard.press("k")
    expect(tile(other, "a")).to_have_class(re.compile("keep"), timeout=15_000)
    authors = [line.author for line in read_decisions(server.workspace, media_of("street"))]
    assert authors == ["li", "ann"]


def test_a_killed_server_loses_no_decision(browser: Browser, server: Server) -> None:
    page = opened(browser, server)
    for _ in range(3):
        page.keyboard.press("k")
    expect(page.locator("#n-decided")).to_have_text("3")
    server.stop(signal.SIGKILL)
    page.keyboard.press("k")
    expect(page.locator("#toast")).to_have_text(re.compile("does not answer"))
    server.start()
    again = opened(browser, server)
    expect(again.locator("#n-decided")).to_have_text("3")


def test_ctrl_c_ends_quietly(server: Server) -> None:
    code, rest = server.stop()
    assert code == 0
    assert rest.strip().splitlines()[-1] == "The desk is closed."
    assert "Traceback" not in rest


def test_chinese_and_the_keys(browser: Browser, read_server: Server) -> None:
    page = opened(browser, read_server, lang="zh-CN")
    expect(page.get_by_role("link", name="图库")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("快捷键")
    page.keyboard.press("Escape")
    page.get_by_role("link", name="EN").click()
    expect(page.get_by_role("link", name="Gallery")).to_be_visible()


@pytest.mark.parametrize("path", ["/", "/bounds", "/scenes", "/orders", "/versions"])
@pytest.mark.parametrize("width", [1366, 800, 420])
def test_no_page_is_wider_than_the_window(
    browser: Browser, read_server: Server, path: str, width: int
) -> None:
    page = opened(browser, read_server, width=width)
    go(page, read_server, path)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_every_control_has_a_name_and_can_be_reached_by_tab(
    read_page: Page, read_server: Server
) -> None:
    for path in ("/", f"/crop/{crop_id('street', 'a')}", "/bounds", "/scenes"):
        go(read_page, read_server, path)
        nameless = read_page.evaluate(
            """() => [...document.querySelectorAll('button, a[href], input, select')]
            .filter((it) => it.offsetParent && !(it.innerText || it.ariaLabel || it.title
            || (it.labels && it.labels.length) || it.querySelector('img[alt]:not([alt=""])')))
            .map((it) => it.outerHTML)"""
        )
        assert nameless == []
        read_page.keyboard.press("Tab")
        assert read_page.evaluate("document.activeElement !== document.body")
