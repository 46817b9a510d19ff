"""The states in which a flow run ends when its request cannot be carried out."""

from typing import Any

from prefect.client.schemas.objects import State
from prefect.states import Failed

from tasks.common.errors import InputError, MatteflowError, WorldError


class ListingError(WorldError):
    """The server or folder that lists the sources does not answer."""


def refusal(error: MatteflowError) -> State[Any]:
    """Return the state of a flow run that stops before any work.

    Its name shows the curator what to fix: the form, the server of the list, the store, or
    artifacts that are gone.
    """
    # The names are shown in Prefect's UI, and automations may filter by them.
    match error:
        case InputError():
            name = "BadInput"
        case ListingError():
            name = "ListingDown"
        case WorldError():
            name = "StoreDown"
        case _:
            name = "NotPublished"
    return Failed(name=name, message=str(error))
