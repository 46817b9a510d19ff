"""The three kinds of failure: a user's mistake, a bad source, a world that fails for a while.

The text of each error is one or more sentences for the person who runs the program.
"""


class MatteflowError(Exception):
    """Root of everything that matteflow raises on purpose."""


class InputError(MatteflowError):
    """The user's mistake: names what came, what was expected and how to fix it."""


class SourceError(MatteflowError):
    """This source cannot be used, and another attempt would not help; other sources go on."""


class WorldError(MatteflowError):
    """A server, network or disk failed in a way that may pass; tasks retry on this error only."""


class WeightsError(MatteflowError):
    """Model weights cannot be fetched.

    Not retried: a machine that cannot reach them stays one, and each of a thousand sources would
    wait for nothing.
    """


class ArtifactError(MatteflowError):
    """A stored artifact is missing, or its bytes are not those that were written."""
