"""The project is installed editable from a clone; its general top-level names are not shipped."""

import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path
from shutil import copy, copytree

import pytest
from setuptools import Distribution
from setuptools.errors import SetupError

from deployments.no_wheel import RefuseWheel
from tests.tiers import needs

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture
@needs("service")
def clone(tmp_path: Path) -> Path:
    """Return what setuptools reads of the project, without the code."""
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        copy(ROOT / name, tmp_path)
    copytree(ROOT / "deployments", tmp_path / "deployments", ignore=lambda *_: ["__pycache__"])
    return tmp_path


def build(kind: str, clone: Path) -> subprocess.CompletedProcess[str]:
    """Let setuptools build a wheel, as pip would: for an installation or an editable one."""
    code = f"from setuptools import build_meta; build_meta.build_{kind}('.')"
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=clone, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def test_the_console_script_is_the_command_line() -> None:
    module, _, function = PROJECT["project"]["scripts"]["matteflow"].partition(":")
    assert callable(getattr(import_module(module), function))


def test_package_indexes_refuse_the_project() -> None:
    assert "Private :: Do Not Upload" in PROJECT["project"]["classifiers"]


def test_a_wheel_is_refused_with_the_way_to_install_it() -> None:
    with pytest.raises(SetupError, match=r"in editable mode: `make setup`"):
        RefuseWheel(Distribution()).run()


@pytest.mark.service
def test_pip_is_told_so_and_no_wheel_is_left(clone: Path) -> None:
    done = build("wheel", clone)
    assert done.returncode != 0
    assert "matteflow is installed from a clone, in editable mode" in done.stderr
    assert list(clone.glob("*.whl")) == []


@pytest.mark.service
def test_an_editable_installation_is_built(clone: Path) -> None:
    done = build("editable", clone)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in clone.glob("*.whl")] == [
        "matteflow-0.1.0-0.editable-py3-none-any.whl"
    ]
