"""The three voices of failure: the caller's mistake, a bad source, a flaky world."""


class MatteflowError(Exception):
    """Root of everything that matteflow raises on purpose; its text is meant for a person."""


class InputError(MatteflowError):
    """The caller's mistake: names what came, what was expected and how to mend it."""


class SourceError(MatteflowError):
    """This source cannot be used, and trying again would not help; the others go on."""


class WorldError(MatteflowError):
    """Something outside failed that may work a little later; tasks retry on this one only."""


class WeightsError(MatteflowError):
    """Model weights cannot be had; not retried, because a machine without a way to them stays one
    and each of a thousand sources would wait in vain.
    """


class ArtifactError(MatteflowError):
    """A stored artifact is missing, or its bytes are not those that were written."""
