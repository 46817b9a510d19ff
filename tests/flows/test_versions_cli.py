"""What is published, from the command line: lists, addresses, copies, checks, channels, removal."""

import json
import os
import shutil
from pathlib import Path

import pytest

from flows.cli import main
from tasks.common.files import digest_bytes
from tasks.common.settings import settings
from tasks.common.store.address import open_store
from tasks.common.workspace.artifacts import Workspace
from tests.dataset.trees import NAME, kept_tree, push
from tests.flows.builders import exit_code


@pytest.fixture(scope="module")
def home_with_two_versions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """v1 holds street-a, v2 also street-b; built once, which takes longer than most tests here."""
    home = tmp_path_factory.mktemp("two-versions")
    workspace, store = Workspace(home / "workspace"), open_store((home / "store").as_uri())
    for names in ("a", "ab"):
        push(kept_tree(workspace, *names), workspace, store)
    return home


@pytest.fixture(autouse=True)
def _two_versions(home_with_two_versions: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test a copy, since many damage or remove what they find."""
    monkeypatch.setattr("os.fsync", lambda _: None)
    shutil.copytree(home_with_two_versions, os.environ["MATTEFLOW_HOME"], dirs_exist_ok=True)


def output_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run a command that succeeds, and return what it prints, on one line."""
    capsys.readouterr()
    assert exit_code(*arguments) == 0
    return " ".join(capsys.readouterr().out.split())


def error_of(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 2) -> str:
    """Run a command that fails with a sentence, and return that."""
    capsys.readouterr()
    assert exit_code(*arguments) == code
    text = capsys.readouterr().err
    assert "Traceback" not in text
    return " ".join(text.split())


def a_file(name: str = "img_dir/train/street-a.jpg", number: int = 1) -> Path:
    store = Path(settings().store.removeprefix("file://")) / settings().root_name
    record = json.loads((store / f"versions/{NAME}/v{number:04d}.json").read_text())
    return store / "trees" / str(record["tree"]) / NAME / name


def test_subsets_are_listed_with_what_latest_stands_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert f"{NAME} │ 2 │ v2 │ 2 │ 2026-11-22" in output_of(capsys, "versions")


def test_versions_of_a_subset_are_listed_with_their_channels(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = output_of(capsys, "versions", NAME)
    assert "v1 │ 1 │ 1 │ 0" in text
    assert text.count("latest") == 1


def test_versions_are_told_to_programs_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    rows = json.loads(output_of(capsys, "versions", NAME, "--json"))
    assert [(row["version"], row["n_samples"]) for row in rows] == [(1, 1), (2, 2)]


def test_a_store_without_versions_says_so(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    text = output_of(capsys, "versions", "--store", (tmp_path / "empty").as_uri())
    assert text.startswith("Nothing is published in file:///")


def test_an_address_is_printed_for_other_programs(capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path(output_of(capsys, "url", f"{NAME}@v1").removeprefix("file://"))
    assert folder == a_file().parents[2]


def test_a_version_is_pulled_whole(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert "16 files fetched, 0 there already" in output_of(
        capsys, "pull", NAME, "--to", str(tmp_path / "data")
    )
    folder = tmp_path / "data" / NAME
    lines = (folder / "MANIFEST.sha256").read_text().splitlines()
    for line in lines:
        digest, name = line.split("  ")
        assert digest_bytes((folder / name).read_bytes()) == digest
    assert len(lines) == 16


def test_whole_versions_verify(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        output_of(capsys, "verify", "--deep") == "2 versions checked (every byte read): 0 problems."
    )


def test_damage_ends_with_code_1_and_names_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    a_file("split_dir/train.txt", 2).unlink()
    assert exit_code("verify", NAME) == 1
    text = " ".join(capsys.readouterr().out.split())
    assert f"{NAME}@v2: split_dir/train.txt is missing" in text
    assert "2 versions checked (by listing; --deep reads every byte): 1 problems." in text


def test_versions_are_compared(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([f"{NAME}@v1", f"{NAME}@v2"], [f"{NAME}@v1", "@2"], [f"{NAME}@v1", "v2"], [NAME]):
        assert "added: 1 street-b: added (train)" in output_of(capsys, "diff", *words)


def test_a_comparison_can_be_read_by_programs_and_looked_at(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    page = tmp_path / "diff.html"
    changes = json.loads(output_of(capsys, "diff", NAME, "--json", "--page", str(page)))
    assert [sample["stem"] for sample in changes["samples"]] == ["street-b"]
    assert page.read_text().count("<img") == 1


def test_a_rollback_holds_until_something_new_comes(capsys: pytest.CaptureFixture[str]) -> None:
    assert output_of(capsys, "rollback", f"{NAME}@v1") == f"latest of {NAME}: v1, before v2."
    workspace, store = Workspace(settings().workspace), open_store(settings().store)
    push(kept_tree(workspace, "a", "b"), workspace, store)
    assert "v1 │ 1 │ 1 │ 0" in output_of(capsys, "versions", NAME)
    assert output_of(capsys, "url", NAME) == output_of(capsys, "url", f"{NAME}@v1")
    push(kept_tree(workspace, "c"), workspace, store)
    assert output_of(capsys, "url", NAME) == output_of(capsys, "url", f"{NAME}@v3")


def test_a_channel_of_ones_own_is_made(capsys: pytest.CaptureFixture[str]) -> None:
    text = output_of(capsys, "rollback", f"{NAME}@v1", "--channel", "stable")
    assert text == f"stable of {NAME}: v1, before nothing."
    assert output_of(capsys, "url", f"{NAME}@stable") == output_of(capsys, "url", f"{NAME}@v1")


def test_a_channel_that_was_made_by_mistake_is_removed(capsys: pytest.CaptureFixture[str]) -> None:
    output_of(capsys, "rollback", f"{NAME}@v1", "--channel", "stabel")
    text = output_of(capsys, "rollback", NAME, "--channel", "stabel", "--remove")
    assert text == f"{NAME} no longer has a channel stabel."
    assert "no channel 'stabel'. Channels: latest" in error_of(capsys, "url", f"{NAME}@stabel")


def test_a_publisher_that_died_before_its_record_hides_no_other_subset(
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = Path(settings().store.removeprefix("file://")) / settings().root_name
    (root / "versions" / "CustomSeg_Person_20261122_other").mkdir()
    assert f"{NAME} │ 2 │ v2" in output_of(capsys, "versions")


def test_a_damaged_record_does_not_hide_what_else_is_wrong(
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = Path(settings().store.removeprefix("file://")) / settings().root_name
    a_file("split_dir/train.txt", 2).unlink()
    record = root / f"versions/{NAME}/v0001.json"
    record.chmod(0o644)
    record.write_text("{}")
    assert exit_code("verify") == 1
    text = " ".join(capsys.readouterr().out.split())
    assert f"{NAME}@v1: versions/{NAME}/v0001.json is no commit record" in text
    assert f"{NAME}@v2: split_dir/train.txt is missing" in text


def test_the_only_version_can_be_taken_out_of_use(capsys: pytest.CaptureFixture[str]) -> None:
    output_of(capsys, "retire", f"{NAME}@v1", "--reason", "old")
    output_of(capsys, "retire", f"{NAME}@v2", "--reason", "somebody asked to be left out")
    assert "somebody asked to be left out" in error_of(capsys, "pull", NAME)
    assert "to be marked" in output_of(capsys, "gc")


def test_a_retired_version_is_not_given_out_and_goes_after_the_grace(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output_of(capsys, "retire", f"{NAME}@v1", "--reason", "masks of last year")
    assert "retired since" in error_of(capsys, "pull", f"{NAME}@v1")
    assert "masks of last year" in error_of(capsys, "url", f"{NAME}@v1")
    assert "to be marked" in output_of(capsys, "gc")
    assert "1 marked" in output_of(capsys, "gc", "--delete")
    assert "deleted after" in output_of(capsys, "gc", "--delete")
    assert a_file().exists()
    assert "1 deleted" in output_of(capsys, "gc", "--delete", "--grace-days", "0")
    assert not a_file().exists()
    assert (
        output_of(capsys, "verify", "--deep") == "1 versions checked (every byte read): 0 problems."
    )


def test_a_retirement_can_be_undone(capsys: pytest.CaptureFixture[str]) -> None:
    output_of(capsys, "retire", f"{NAME}@v1", "--reason", "by mistake")
    assert output_of(capsys, "retire", f"{NAME}@v1", "--undo") == f"{NAME}@v1 is in use again."
    assert output_of(capsys, "gc") == "Every file is needed by a version."


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        pytest.param(["url", "nothing"], "There is no subset 'nothing' here", id="subset"),
        pytest.param(["url", f"{NAME}@v7"], "no version 7. Versions: v1 to v2.", id="version"),
        pytest.param(["pull", f"{NAME}@old"], "no channel 'old'. Channels: latest", id="channel"),
        pytest.param(["diff", f"{NAME}@v1"], "has no parent", id="first version alone"),
        pytest.param(["rollback", NAME], "Name a version", id="rollback to anything"),
        pytest.param(["rollback", f"{NAME}@v1", "--channel", "v2"], "cannot be called", id="name"),
        pytest.param(["retire", f"{NAME}@v1"], "A retirement needs a reason", id="no reason"),
        pytest.param(["retire", f"{NAME}@v2", "--reason", "x"], "rollback", id="latest"),
        pytest.param(["versions", "--store", "gs://x/y"], "expected file:///", id="store"),
        pytest.param(
            ["verify", "--store", "file:///nowhere"], "no version of anything in", id="empty store"
        ),
        pytest.param(
            ["gc", "--store", "file:///nowhere"], "no version of anything in", id="no garbage there"
        ),
        pytest.param(
            ["rollback", NAME, "--channel", "old", "--remove"], "has no channel 'old'", id="remove"
        ),
    ],
)
def test_a_wrong_request_gets_a_sentence(
    arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert text in error_of(capsys, *arguments)


@pytest.mark.service
def test_a_store_that_does_not_answer_ends_with_code_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.cli.registry._ATTEMPTS", 1)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-to-be-told")
    text = error_of(capsys, "versions", "--store", "s3://bucket/x", code=1)
    assert "does not answer" in text
    assert "not-to-be-told" not in text


def test_help_is_there_for_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    for name in ("versions", "url", "pull", "verify", "diff", "rollback", "retire", "gc"):
        assert f" {name} " in text
