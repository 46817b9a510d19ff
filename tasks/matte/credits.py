"""What a paid service cost today, counted in the workspace for all machines and runs together.

    credits/<service>/<day>/<id>@<credits>    an empty file per request, the day in UTC

A request is counted before it is sent, and taken off again if it cost nothing. So a crash counts
too much, never too little, and two machines at once cannot pass the limit together.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import uuid4

from tasks.common.errors import SourceError
from tasks.common.workspace.artifacts import Workspace

_FOLDER = "credits"
_USUAL = 1.0  # of a picture in full size


def _now() -> datetime:
    return datetime.now(UTC)


class DailyCredits:
    """The credits of a service on the present day, with a limit."""

    def __init__(
        self,
        workspace: Workspace,
        service: str,
        limit: float,
        clock: Callable[[], datetime] = _now,
    ):
        self._workspace = workspace
        self._service = service
        self._limit = limit
        self._clock = clock

    def spent(self) -> float:
        """Return what was spent today, with what requests on their way may cost."""
        names = self._workspace.names(self._folder())
        return sum(float(name.rpartition("@")[2]) for name in names)

    def reserve(self) -> str:
        """Count a request that is about to be sent; return the name of its count.

        Raises:
            SourceError: the day's limit does not allow it.
        """
        name = f"{self._folder()}/{uuid4().hex}@{_USUAL:g}"
        self._workspace.write(name, b"")
        # Counted with this one in it: of two at the same moment at least one sees the other.
        if self.spent() > self._limit:
            self.release(name)
            raise SourceError(
                f"{self._service} may cost {self._limit:g} credits a day "
                f"(matte.{self._service}_credits_a_day), which are spent. What was paid for is "
                "kept: run again tomorrow (UTC), or raise the limit."
            )
        return name

    def settle(self, name: str, credits_charged: float) -> None:
        """Replace the count of a request by what it cost."""
        if credits_charged != _USUAL:
            self._workspace.write(f"{name.rpartition('@')[0]}@{credits_charged:g}", b"")
            self.release(name)

    def release(self, name: str) -> None:
        """Take a request off that cost nothing."""
        self._workspace.remove([name])

    def _folder(self) -> str:
        return f"{_FOLDER}/{self._service}/{self._clock():%Y-%m-%d}"
