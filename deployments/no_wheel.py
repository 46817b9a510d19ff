"""Why there is no wheel of matteflow: docs/decisions/0016-installed-names.md.

setuptools imports this module when it builds; it must import nothing of the project.
"""

from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.errors import SetupError

REASON = (
    "matteflow is installed from a clone, in editable mode: `make setup`, or "
    "`pip install --constraint constraints.txt --editable '.[demo]'`. A wheel would put the names "
    "`flows`, `tasks` and `deployments` into site-packages, where they clash with packages of the "
    "same names (docs/decisions/0016-installed-names.md)."
)


class RefuseWheel(bdist_wheel):  # type: ignore[misc] # setuptools has no types
    """Build no wheel of the packages; editable installs do not run this command.

    Raises:
        SetupError: always.
    """

    def run(self) -> None:
        """Refuse, with the way to install it."""
        raise SetupError(REASON)
