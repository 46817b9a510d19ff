"""The command line. Exit codes: 0 success, 1 failure or partial failure, 2 wrong input."""

import sys
import traceback
from collections.abc import Sequence

from flows.cli.console import (
    BAD_INPUT,
    FAILED,
    INTERRUPTED,
    INTERRUPTED_SENTENCE,
    print_error,
)
from flows.cli.group import LazyGroup
from tasks.common.errors import InputError, MatteflowError

command_line = LazyGroup(
    "matteflow",
    "Turn shared videos and street photos into a published person-segmentation dataset.",
    {
        # The order is that of the help: what people need first comes first.
        "Runs": {
            "ingest": "ingest",
            "publish": "publish",
            "rerun": "rerun",
            "show": "show",
        },
        "Verdicts": {
            "desk": "desk",
            "retune": "preview",
            "explain": "explain",
            "propose-scenes": "scenes",
            "review": "review",
            "decisions": "decisions",
        },
        "Sources and models": {
            "sources": "sources",
            "takedown": "takedown",
            "takedowns": "takedown",
            "weights": "weights",
            "add-weights": "weights",
        },
        "Published versions": {
            "versions": "versions",
            "url": "versions",
            "pull": "versions",
            "verify": "versions",
            "diff": "versions",
            "export": "export",
            "rollback": "versions",
            "retire": "versions",
            "gc": "versions",
        },
    },
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; every error ends in a message. `--verbose` shows the stack trace."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        command_line(args=given)
    # All of them: a full disk, a lost network or a file that a library does not understand may
    # raise anything, and a stack trace tells its user nothing.
    except Exception as error:
        if "--verbose" in given:
            traceback.print_exception(error)
        print_error(str(error) if isinstance(error, MatteflowError) else _describe(error))
        sys.exit(BAD_INPUT if isinstance(error, InputError) else FAILED)
    except SystemExit as end:
        if end.code == INTERRUPTED:
            print_error(INTERRUPTED_SENTENCE)
        raise


def _describe(error: Exception) -> str:
    """Return an error that no part of the program expected as sentences."""
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror}. With --verbose the place in the program is shown."
    first_line = (str(error).strip().splitlines() or [""])[0]
    return (
        f"{type(error).__name__}: {first_line or 'no message'}. The program did not expect this "
        "error; run the command again with --verbose, and report what it shows."
    )
