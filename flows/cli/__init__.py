"""The command line. Exit codes: 0 success, 1 failure or partial failure, 2 wrong input."""

import sys
from collections.abc import Sequence

from flows.cli.console import BAD_INPUT, FAILED, INTERRUPTED, print_error
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
            "retune": "preview",
            "explain": "explain",
            "propose-scenes": "scenes",
            "review": "review",
        },
        "Sources and models": {
            "sources": "sources",
            "takedown": "takedown",
            "takedowns": "takedown",
            "weights": "weights",
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
    """Run the command line; errors of this program end in a message, not in a stack trace."""
    try:
        command_line(args=list(arguments) if arguments is not None else None)
    except MatteflowError as error:
        print_error(str(error))
        sys.exit(BAD_INPUT if isinstance(error, InputError) else FAILED)
    except SystemExit as end:
        if end.code == INTERRUPTED:
            # Artifacts are written whole or not at all, so a resumed run repeats unfinished stages
            # only.
            print_error("Interrupted. Run the same command again to resume.")
        raise
