"""Source addresses of a command line on their way into a flow: Prefect stores its parameters.

Prefect keeps the parameters of a flow run in its database and shows them in its UI. A signed
address would be readable there for as long as both exist. So the flow is given the address as
records keep it, and takes the whole one from the memory of this process.
"""

from tasks.common.uri import stored

_whole: dict[str, str] = {}


def without_secrets(sources: str) -> str:
    """Return what stands for `sources` in a flow's parameters; `with_secrets` turns it back."""
    shown = stored(sources)
    if shown != sources:
        _whole[shown] = sources
    return shown


def with_secrets(sources: str) -> str:
    """Return the whole address of what `without_secrets` returned in this process."""
    return _whole.get(sources, sources)
