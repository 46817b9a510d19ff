"""Environment variables that Prefect reads when it is imported."""

import os
from contextlib import suppress

from tasks.common.errors import InputError
from tasks.common.settings import settings

_DEFAULTS = {
    # No telemetry, neither from Prefect nor from libraries that know DO_NOT_TRACK.
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    # The embedded server needs about ten seconds of CPU, more than its default limit when busy.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "240",
}


def prepare_environment() -> None:
    """Set defaults, unless the environment has a value.

    Task results go into the workspace, beside the artifacts that they name, so that who deletes
    or moves the workspace does so with both.
    """
    # `setdefault`: an operator's own environment wins.
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    with suppress(InputError):  # a wrong setting is reported when a command needs it, not on import
        os.environ.setdefault("PREFECT_LOCAL_STORAGE_PATH", str(settings().workspace / "results"))


def quieten_console() -> None:
    """Keep Prefect's log off the terminal; it is still sent to the server and its UI."""
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    os.environ.setdefault("PREFECT_SERVER_LOGGING_LEVEL", "CRITICAL")
