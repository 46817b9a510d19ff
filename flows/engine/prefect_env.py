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
    """Set defaults, which the environment overrides; results go beside the artifacts they name."""
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    with suppress(InputError):  # a wrong setting is reported when work starts, not on import
        os.environ.setdefault("PREFECT_LOCAL_STORAGE_PATH", str(settings().workspace / "results"))


def quieten_console() -> None:
    """Keep Prefect's log off the terminal; the server and its UI still receive it."""
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    os.environ.setdefault("PREFECT_SERVER_LOGGING_LEVEL", "CRITICAL")
