"""Where a sample comes from, as it may be published."""

from tasks.common.records import Source
from tasks.common.uri import redacted, scheme_of

ORIGIN = (
    "address",
    "listing",
    "entry",
    "uploader",
    "captured_with",
    "shared_at",
    "session",
    "batch",
)


def origin_of(source: Source) -> dict[str, str | None]:
    """Return the provenance of a source, one text per name in `ORIGIN`.

    Where a file lay on somebody's machine is nobody's business, nor does it change the data.
    """
    told = {name: getattr(source, name) for name in ORIGIN if name != "address"}
    is_path = scheme_of(source.uri) in ("", "file")
    return {"address": None if is_path else redacted(source.uri)} | told
