"""A group whose commands are imported when they run, so that `--help` needs no Prefect."""

import ast
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup


class LazyGroup(TyperGroup):
    """Commands by the module of this package that holds their function.

    Args:
        name: What the program is called in its help.
        summary: What the program is for.
        panels: By heading of the help: command names with their modules. The function is named
            like the command, with underscores for dashes.
    """

    def __init__(self, name: str, summary: str, panels: Mapping[str, Mapping[str, str]]):
        super().__init__(
            name=name,
            help=summary,
            no_args_is_help=True,
            commands={
                command: LazyCommand(command, module, panel)
                for panel, modules in panels.items()
                for command, module in modules.items()
            },
        )


class LazyCommand(TyperCommand):
    """Stands for a command in the group's help; the command itself parses its arguments."""

    def __init__(self, name: str, module: str, panel: str):
        self._module = module
        self._function = name.replace("-", "_")
        super().__init__(name, help=_summaries(module)[self._function], rich_help_panel=panel)

    def make_context(self, info_name: str | None, *args: Any, **extra: Any) -> Any:
        """Import the command and let it take over: the context it returns runs it."""
        function = getattr(import_module(f"{__package__}.{self._module}"), self._function)
        app = typer.Typer(add_completion=False)
        app.command(self.name)(function)
        return typer.main.get_command(app).make_context(info_name, *args, **extra)


@cache
def _summaries(module: str) -> dict[str, str]:
    """Return the first docstring line of each function of a module of this package.

    They are read from the source, since importing the module would load what the command needs.
    """
    tree = ast.parse(Path(__file__).with_name(f"{module}.py").read_text(encoding="utf-8"))
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef))
    return {node.name: (ast.get_docstring(node) or "").partition("\n")[0] for node in functions}
