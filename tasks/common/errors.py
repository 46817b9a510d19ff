"""Error classes by who can fix the failure: the user, no one (the source is unusable), or a retry.

The text of each error is one or more sentences for the person who runs the program.
"""


class MatteflowError(Exception):
    """Root of everything that matteflow raises on purpose."""


class InputError(MatteflowError):
    """A user's mistake; the text names the value, what was expected and how to fix it."""


class SourceError(MatteflowError):
    """This source cannot be used and a retry would not help; other sources continue."""


class WorldError(MatteflowError):
    """A server, network or disk failed in a way that may pass; tasks retry only this error."""


class WeightsError(MatteflowError):
    """Model weights cannot be fetched.

    Not retried: a machine that cannot reach the origins rarely can a minute later, and each of a
    thousand sources would wait for nothing.
    """


class ArtifactError(MatteflowError):
    """A stored artifact is missing, or its bytes are not those that were written."""
