"""What Prefect and the libraries below must find in the environment before they are imported."""

import os
from contextlib import suppress

from tasks.common.errors import InputError
from tasks.common.settings import settings

_DEFAULTS = {
    # Nothing that we start reports home.
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    # The embedded server needs about ten seconds of CPU, more than its default limit when busy.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "240",
}


def prepare_environment() -> None:
    """Set defaults that anybody may override; results lie beside the artifacts they point to."""
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    with suppress(InputError):  # a wrong setting is reported where work begins, not on import
        os.environ.setdefault("PREFECT_LOCAL_STORAGE_PATH", str(settings().workspace / "results"))


def quieten_console() -> None:
    """Keep Prefect's log off the terminal; the server and its UI still get all of it."""
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    os.environ.setdefault("PREFECT_SERVER_LOGGING_LEVEL", "CRITICAL")
