"""removebg as a matting model, against a server that behaves as its documentation says."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from flows.ingest import prepare
from tasks.common.errors import InputError, SourceError, WorldError
from tasks.common.media.images import Rgb, read_grey
from tasks.common.recipe.models import MatteRecipe, load_recipe, parse_recipe, shipped_recipes
from tasks.common.records import Source, StageResult
from tasks.common.schema.channels import is_machine
from tasks.common.schema.rows import Matte
from tasks.common.settings import Settings, settings
from tasks.common.workspace.artifacts import ArtifactWriter, Workspace
from tasks.matte import removebg
from tasks.matte.credits import DailyCredits
from tasks.matte.removebg import ask_removebg
from tasks.matte.stage import matte_crops, matte_key, matte_paths
from tests.flows.builders import RECIPE
from tests.matte.removebg_server import KEY, Account, alpha_of, removebg_server
from tests.matte.stand_ins import LIGHT, write_inputs
from tests.tiers import needs

DIM = 150  # a person for the server, as LIGHT is
SOURCE = Source(source_id="clip", uri="clip.mp4")


def paid(matte: str) -> str:
    return RECIPE.replace("model: u2netp", matte)


NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.fixture
@needs("service")
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    with removebg_server() as (address, account):
        monkeypatch.setenv("MATTEFLOW_REMOVEBG_URL", address)
        monkeypatch.setenv("MATTEFLOW_REMOVEBG_KEY", KEY)
        settings.cache_clear()
        yield account
    settings.cache_clear()


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


def recipe(limit: float = 10.0) -> MatteRecipe:
    return MatteRecipe(model="removebg", removebg_credits_a_day=limit)


def run(space: Workspace, limit: float, *levels: int) -> StageResult:
    crops, screened = write_inputs(space, list(levels))
    key = matte_key(crops, screened, recipe(limit))
    out = ArtifactWriter(space, "matte", key)
    return matte_crops(out, SOURCE, crops, screened, recipe(limit))


def budget(space: Workspace, limit: float = 10.0, now: datetime = NOON) -> DailyCredits:
    return DailyCredits(space, "removebg", limit, lambda: now)


def person(height: int = 40, width: int = 32) -> Rgb:
    rgb = np.full((height, width, 3), 20, np.uint8)
    rgb[height // 4 :, width // 4 : 3 * width // 4] = 180
    return rgb


def test_it_is_asked_for_the_alpha_in_full_size_and_uncropped(
    account: Account, space: Workspace
) -> None:
    given = ask_removebg(person(), budget(space), settings())
    (asked,) = account.asked
    assert (asked["size"], asked["crop"], asked["channels"], asked["format"]) == (
        "full", "false", "alpha", "png",
    )  # fmt: skip
    assert np.array_equal(np.rint(given.alpha * 255), alpha_of(person()))


def test_an_answer_is_bought_once_whatever_run_needs_it(account: Account, space: Workspace) -> None:
    first = run(space, 10, DIM, LIGHT)
    second = run(space, 20, LIGHT, DIM)
    assert (len(account.asked), account.credits) == (2, 98.0)
    # The limit decides whether an answer is bought, not what it is.
    crops, screened = write_inputs(space, [DIM])
    assert matte_key(crops, screened, recipe(1)) == matte_key(crops, screened, recipe(2))
    rows = [row for result in (first, second) for row in space.rows(Matte, result)]
    assert {row.channel for row in rows} == {"removebg"}
    assert is_machine("removebg")
    assert read_grey(space.path(rows[0].alpha_path)).shape == (40, 32)


def test_running_the_stage_again_throws_no_paid_answer_away(
    account: Account, space: Workspace
) -> None:
    run(space, 10, LIGHT)
    crops, screened = write_inputs(space, [LIGHT])
    assert matte_paths(crops, screened, recipe(), space) == []


def test_a_crop_in_which_it_sees_nobody_is_a_drop_and_costs_nothing(
    account: Account, space: Workspace
) -> None:
    result = run(space, 10, 0, LIGHT)
    assert [drop["reason"] for drop in space.drop_rows(result)] == ["mask_empty"]
    assert (account.credits, DailyCredits(space, "removebg", 1).spent()) == (99.0, 1.0)
    run(space, 11, 0)
    assert len(account.asked) == 2  # also that answer is kept


def test_it_waits_as_long_as_the_service_asks(
    account: Account, space: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("tenacity.nap.time.sleep", slept.append)
    account.answers = [(429, {"Retry-After": "7"}), (429, {})]
    ask_removebg(person(), budget(space), settings())
    assert (slept, len(account.asked), budget(space).spent()) == ([7.0, 5.0], 3, 1.0)


@pytest.mark.parametrize(
    ("answers", "error", "sentence"),
    [
        ([(429, {"Retry-After": "3600"})], WorldError, "asks to wait 3600 s"),
        ([(429, {"Retry-After": "0"})] * 5, WorldError, "busy"),
        ([(503, {})], WorldError, "503"),
        ([(402, {})], SourceError, "Buy credits"),
        ([(403, {})], SourceError, "MATTEFLOW_REMOVEBG_KEY"),
        ([(400, {})], SourceError, "400 Error"),
    ],
)
def test_a_refusal_costs_nothing_and_says_what_to_do(
    answers: list[tuple[int, dict[str, str]]],
    error: type[Exception],
    sentence: str,
    account: Account,
    space: Workspace,
) -> None:
    account.answers = list(answers)
    with pytest.raises(error, match=sentence):
        ask_removebg(person(), budget(space), settings())
    assert (budget(space).spent(), account.credits) == (0.0, 100.0)


def test_without_credits_the_source_fails_and_nothing_is_stored(
    account: Account, space: Workspace
) -> None:
    account.credits = 1.0
    with pytest.raises(SourceError, match="402 Insufficient credits"):
        run(space, 10, DIM, LIGHT)
    account.credits = 5.0
    assert run(space, 10, DIM, LIGHT).n_kept == 2
    assert account.credits == 4.0  # the one that was paid for before is not bought again


def test_the_daily_limit_holds_over_runs_and_ends_at_midnight(
    account: Account, space: Workspace
) -> None:
    for _ in range(2):
        ask_removebg(person(), budget(space, 2), settings())
    with pytest.raises(SourceError, match="2 credits a day"):
        ask_removebg(person(), budget(space, 2), settings())
    assert (len(account.asked), account.credits) == (2, 98.0)
    ask_removebg(person(), budget(space, 2, NOON + timedelta(hours=12)), settings())
    assert account.credits == 97.0


def test_what_it_really_charges_is_counted(account: Account, space: Workspace) -> None:
    account.price = "0.25"
    for _ in range(3):
        ask_removebg(person(), budget(space, 2), settings())
    assert budget(space).spent() == 0.75


def test_a_server_that_cannot_be_reached_costs_nothing(
    account: Account, space: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    unreachable = Settings(removebg_url="http://127.0.0.1:1/v1.0/removebg", removebg_key=KEY)
    with pytest.raises(WorldError, match="cannot be reached"):
        ask_removebg(person(), budget(space), unreachable)
    assert budget(space).spent() == 0.0


def test_a_request_that_may_have_arrived_stays_counted(
    account: Account, space: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    import httpx

    def cut(*_: object, **__: object) -> None:
        raise httpx.ReadTimeout("")

    monkeypatch.setattr(removebg._client(), "post", cut)
    with pytest.raises(WorldError, match="did not answer"):
        ask_removebg(person(), budget(space), settings())
    assert budget(space).spent() == 1.0


def test_an_answer_of_another_size_is_refused_not_rescaled(
    account: Account, space: Workspace
) -> None:
    account.is_cropping = True
    with pytest.raises(SourceError, match="16 x 30 px"):
        ask_removebg(person(), budget(space), settings())


def test_a_crop_beyond_the_size_of_its_answers_is_sent_smaller(
    account: Account, space: Workspace
) -> None:
    given = ask_removebg(person(3600, 3000), budget(space), settings())
    assert given.alpha.shape == (3600, 3000)
    inside = given.alpha[910:-10, 760:2240]
    assert float(inside.min()) > 0.9


def test_the_key_is_in_no_message_log_or_file(
    account: Account, space: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    run(space, 10, LIGHT)
    account.answers = [(403, {})]
    with pytest.raises(SourceError) as refused:
        ask_removebg(person(), budget(space), settings())
    written = b"".join(path.read_bytes() for path in space.path("").rglob("*") if path.is_file())
    said = caplog.text + str(refused.value) + repr(settings()) + settings().model_dump_json()
    assert KEY not in said
    assert KEY.encode() not in written


def test_a_machine_without_a_key_is_told_before_any_work(tmp_path: Path) -> None:
    file = tmp_path / "paid.yaml"
    file.write_text(paid("model: removebg, removebg_credits_a_day: 5"))
    with pytest.raises(InputError, match="MATTEFLOW_REMOVEBG_KEY"):
        prepare("no-such-list.csv", str(file), "")


def test_a_recipe_that_names_it_must_limit_its_cost() -> None:
    with pytest.raises(InputError, match="removebg_credits_a_day"):
        parse_recipe(paid("model: removebg"), "paid")


@pytest.mark.parametrize("name", shipped_recipes())
def test_no_shipped_recipe_names_it(name: str) -> None:
    assert load_recipe(name).matte.services == []


def test_a_recipe_without_it_keeps_its_digest() -> None:
    assert "removebg" not in MatteRecipe(model="u2netp").model_dump_json()
