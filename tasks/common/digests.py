"""Content keys: they name what a stage's output depends on, and nothing else."""

import json
from typing import Any

from pydantic import BaseModel

from tasks.common.files import digest_bytes

_KEY_LENGTH = 40  # 160 bits, as of a git object; file names and S3 keys stay short


def content_key(*parts: Any) -> str:
    """Return 40 hex digits (160 bits of sha256) that name these parts.

    Parts are JSON values or records. Paths, clocks and hosts do not belong here.
    """
    # Sorted keys and no spaces: equal values must give equal text, whoever built the dict.
    text = json.dumps(
        [_plain(part) for part in parts], sort_keys=True, ensure_ascii=False, separators=(",", ":")
    )
    return digest_bytes(text.encode())[:_KEY_LENGTH]


def _plain(part: Any) -> Any:
    return part.model_dump(mode="json") if isinstance(part, BaseModel) else part
