"""The command line as scripts and people meet it: exit codes, sentences, no stack traces."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flows.cli import command_line
from tasks.download.task import read_sources
from tests.flows.builders import exit_code
from tests.flows.programs import prefect_home


def run_cli(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flows", *arguments],
        env=os.environ | {"COLUMNS": "400"} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_the_list_of_the_demo_is_without_mistakes(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("sources", "demo") == 0
    sentence = f"{len(read_sources('demo'))} sources, no errors."
    assert sentence in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param(["sources", "nowhere"], "There is no 'nowhere'", id="no such list"),
        pytest.param(["show"], "There is no run", id="no run yet"),
        pytest.param(["weights", "--fetch", "yolo99"], "Known: birefnet-portrait", id="weights"),
        pytest.param(["ingest", "demo", "--recipe", "x"], "no recipe 'x'", id="no such recipe"),
        pytest.param(
            ["ingest", "demo", "--recipe", "demo", "--store", "gs://b/x"],
            "expected file:///absolute/folder",
            id="store of an unknown kind",
        ),
        pytest.param(
            ["ingest", "demo", "--recipe", "demo", "--store", "file:///proc/nowhere"],
            "cannot be written",
            id="store that cannot be written",
        ),
    ],
)
def test_a_wrong_request_ends_with_code_2_and_one_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(*arguments) == 2
    printed = capsys.readouterr()
    assert sentence in printed.err.replace("\n", " ")
    assert (printed.out, "Traceback" in printed.err) == ("", False)


@pytest.mark.parametrize("name", ["a [abc123].mp4", "[/x].mp4", "[red].mp4"])
def test_brackets_in_a_name_are_told_as_they_are(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code("sources", f"/nowhere/{name}") == 2
    assert name in capsys.readouterr().err


def test_a_list_with_a_file_that_is_not_there_is_no_good_list(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "list.csv").write_text("source_id,uri\nlost,[/x].mp4\n")
    assert exit_code("sources", str(tmp_path / "list.csv")) == 2
    assert "1 of 1 sources do not exist: lost." in capsys.readouterr().err


def test_a_command_that_is_not_known_ends_with_code_2() -> None:
    assert exit_code("digest") == 2


@pytest.mark.service
def test_a_wrong_setting_is_told_by_its_name_without_a_stack_trace(tmp_path: Path) -> None:
    done = run_cli("show", MATTEFLOW_HOME=str(tmp_path), MATTEFLOW_SOURCES_IN_FLIGHT="many")
    assert done.returncode == 2
    assert "MATTEFLOW_SOURCES_IN_FLIGHT = 'many'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.service
def test_the_list_of_commands_loads_neither_prefect_nor_tables_nor_models() -> None:
    code = (
        "import sys\nfrom flows.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "names = ('prefect', 'pandas', 'pyarrow', 'numpy', 'cv2', 'torch', 'rembg', 'boto3')\n"
        "print([name for name in names if name in sys.modules])\n"
        "print([name for name in sys.modules if name.startswith('flows.cli.')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    heavy, modules = done.stdout.splitlines()[-2:]
    assert heavy == "[]"
    assert modules == "['flows.cli.console', 'flows.cli.group']"


def test_the_list_of_commands_shows_what_each_is_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert exit_code("--help") == 0
    lines = [" ".join(line.strip("│ ").split()) for line in capsys.readouterr().out.splitlines()]
    for name, command in command_line.commands.items():
        assert command.help
        assert f"{name} {command.help}" in lines


@pytest.mark.parametrize("name", sorted(command_line.commands))
def test_each_command_has_a_help_of_its_own(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(name, "--help") == 0
    text = " ".join(capsys.readouterr().out.split())
    assert f" {name} [OPTIONS]" in text
    assert str(command_line.commands[name].help)[:40] in text


def test_a_command_that_is_misspelt_is_suggested(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("rerum") == 2
    assert "Did you mean 'rerun'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param(["ingest", "demo", "--publish", "always"], "'complete', 'partial'", id="mode"),
        pytest.param(["rerun", "mat", "bus.jpg"], "'download', 'sample', 'detect'", id="stage"),
        pytest.param(["export", "x", "--format", "voc"], "'coco', 'webdataset'", id="format"),
    ],
)
def test_a_word_that_is_not_among_the_choices_is_refused_with_them(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(*arguments) == 2
    assert sentence in " ".join(capsys.readouterr().err.replace("│", "").split())


@pytest.mark.slow
def test_a_failed_source_ends_with_code_1_and_its_name_and_a_quiet_log(tmp_path: Path) -> None:
    (tmp_path / "page.mp4").write_text("<!DOCTYPE html><html></html>")
    (tmp_path / "list.csv").write_text("source_id,uri\nshared,page.mp4\n")
    done = run_cli(
        "ingest", str(tmp_path / "list.csv"), "--recipe", "demo",
        MATTEFLOW_HOME=str(tmp_path / "h"), PREFECT_HOME=str(prefect_home(tmp_path / "prefect")),
    )  # fmt: skip
    assert done.returncode == 1
    assert "shared failed in download" in done.stdout
    assert "1 of 1 sources failed: shared." in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert len(done.stderr.splitlines()) <= 3
