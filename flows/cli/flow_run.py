"""Shared by commands that start a flow run: a quiet console before it, a report after it."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from flows.cli.console import BAD_INPUT, FAILED, INTERRUPTED_SENTENCE, print_error, progress_bars
from flows.engine.interrupt import stop_at_once
from flows.engine.prefect_env import quieten_console, require_server

if TYPE_CHECKING:
    from prefect.client.schemas.objects import State


def prepare_console(verbose: bool) -> None:
    """Keep Prefect's log off the terminal, unless `verbose`.

    Call this before Prefect is imported: it reads its log levels on import. For the same reason
    commands import their flow inside the function.
    """
    if not verbose:
        quieten_console()
        logging.captureWarnings(True)


@contextmanager
def flow_run(title: str) -> Iterator[None]:
    """Check that the server answers, and show progress while the block runs a flow.

    Ctrl-C ends the program at once, with a sentence and exit code 130.

    Raises:
        InputError: a server is configured and does not answer.
    """
    require_server()
    with progress_bars(title) as hide_bars, stop_at_once(lambda: _announce_stop(hide_bars)):
        yield


def _announce_stop(hide_bars: Callable[[], None]) -> None:
    hide_bars()
    print_error(INTERRUPTED_SENTENCE)


def report_end(state: "State[Any]") -> None:
    """Print the run whose name is the state's data, and exit with a code if the flow run failed.

    Raises:
        typer.Exit: the flow run did not complete.
    """
    from flows.cli.show import show  # not at the top: it imports Prefect

    run_id = state.result(raise_on_failure=False)
    # The data of a failed state may be an exception instead of a run's name.
    if isinstance(run_id, str):
        show(run_id)
    if not state.is_completed():
        print_error(state.message or str(run_id))
        raise typer.Exit(BAD_INPUT if state.name == "BadInput" else FAILED)
