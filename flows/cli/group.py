"""A group that imports a command when it runs, so that `--help` need not import Prefect."""

import ast
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup


class LazyGroup(TyperGroup):
    """A command group; each command is a function in a module of this package.

    Args:
        name: The name of the program in its help.
        summary: The purpose of the program, in its help.
        panels: For each heading of the help, command names and their modules. The function has
            the name of the command, with underscores for dashes.
    """

    def __init__(self, name: str, summary: str, panels: Mapping[str, Mapping[str, str]]):
        super().__init__(
            name=name,
            help=summary,
            no_args_is_help=True,
            commands={
                command: _lazy(command, module, panel)
                for panel, modules in panels.items()
                for command, module in modules.items()
            },
        )


def _lazy(command: str, module: str, panel: str) -> "LazyCommand | LazySubgroup":
    """Return a command, or a group if the module has functions `<command>_<subcommand>`."""
    start = f"{command}_"
    inner = [name for name in _summaries(module) if name.startswith(start)]
    return (
        LazySubgroup(command, module, panel, inner)
        if inner
        else LazyCommand(command, module, panel)
    )


class LazySubgroup(TyperGroup):
    """A command with subcommands, such as `review send`: functions `review_send` of one module."""

    def __init__(self, name: str, module: str, panel: str, functions: Sequence[str]):
        summary = ast.get_docstring(_parsed(module)) or ""
        super().__init__(
            name=name,
            help=summary.partition("\n")[0],
            no_args_is_help=True,
            rich_help_panel=panel,
            commands={
                function.removeprefix(f"{name}_"): LazyCommand(
                    function.removeprefix(f"{name}_"), module, "Commands", function
                )
                for function in functions
            },
        )


class LazyCommand(TyperCommand):
    """A placeholder in the group's help; the real command is loaded to parse its arguments."""

    def __init__(self, name: str, module: str, panel: str, function: str = ""):
        self._module = module
        self._function = function or name.replace("-", "_")
        super().__init__(name, help=_summaries(module)[self._function], rich_help_panel=panel)

    def make_context(
        self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
    ) -> Any:
        """Import the real command and return its context, which then runs that command."""
        function = getattr(import_module(f"{__package__}.{self._module}"), self._function)
        # An app per command: typer builds the parser from the function's annotations.
        app = typer.Typer(add_completion=False)
        app.command(self.name)(function)
        command = typer.main.get_command(app)
        # Every command takes it, since `main` then shows where an error arose.
        if not any("--verbose" in parameter.opts for parameter in command.params):
            args = [argument for argument in args if argument != "--verbose"]
        return command.make_context(info_name, args, parent, **extra)


@cache
def _parsed(module: str) -> ast.Module:
    return ast.parse(Path(__file__).with_name(f"{module}.py").read_text(encoding="utf-8"))


@cache
def _summaries(module: str) -> dict[str, str]:
    """Return the first docstring line of each function of a module of this package.

    They are read from the source: importing the module would import all that the command uses.
    """
    functions = (node for node in _parsed(module).body if isinstance(node, ast.FunctionDef))
    return {node.name: (ast.get_docstring(node) or "").partition("\n")[0] for node in functions}
