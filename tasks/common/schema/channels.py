"""Annotation sources as text: the column `channel` of mattes, samples and published files.

A matting model is `rembg <model>`, the service removebg is `removebg`; a mask that a person
corrected is `human <channel>`, where the channel names the tool (ps, fkw, cvat, …); an annotated
data set names itself.
"""

from collections.abc import Iterable

_HUMAN = "human "
_REMBG, _REMOVEBG = "rembg ", "removebg"
_AGREED, _DISPUTED = ", agreed by ", ", disputed"


def machine_channel(model: str) -> str:
    """Return the annotation source of a matting model, or of fused ones, joined by `+`."""
    return model if model.startswith(_REMOVEBG) else _REMBG + model


def is_machine(channel: str) -> bool:
    """Say whether a matting model alone made the mask."""
    return channel.startswith((_REMBG, _REMOVEBG))


def human_channel(channels: Iterable[str], n_agreed: int = 1, *, is_disputed: bool = False) -> str:
    """Return the annotation source of a corrected mask, from the tools of its corrections.

    `n_agreed` is the number of people who drew the mask independently and agree; a disputed mask
    is one on which people, or a person and a newer machine mask, contradict each other.
    """
    name = _HUMAN + "+".join(dict.fromkeys(channels))
    if is_disputed:
        return name + _DISPUTED
    return name + (f"{_AGREED}{n_agreed}" if n_agreed > 1 else "")


def is_human(channel: str | None) -> bool:
    """Say whether a person corrected the mask in this program's work orders."""
    return channel is not None and channel.startswith(_HUMAN)


def is_disputed(channel: str | None) -> bool:
    """Say whether a corrected mask is contradicted, so that people have to look at it again."""
    return is_human(channel) and str(channel).endswith(_DISPUTED)


def is_agreed(channel: str | None) -> bool:
    """Say whether two people or more drew the mask and agree."""
    return is_human(channel) and _AGREED in str(channel)
