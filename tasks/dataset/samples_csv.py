"""`samples.csv`: one row per published sample, with its provenance."""

from collections.abc import Iterable

from tasks.common.schema.csv_text import csv_bytes
from tasks.common.schema.sample import SampleRow, sample_frame


def encode_samples(rows: Iterable[SampleRow]) -> bytes:
    """Return one line per sample, in the order of the samples: header, LF, UTF-8."""
    return csv_bytes(sample_frame(rows))
