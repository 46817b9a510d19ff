"""`samples.csv`: one row per published sample, with its provenance."""

from collections.abc import Iterable

from tasks.common.schema.sample import SampleRow, sample_frame


def encode_samples(rows: Iterable[SampleRow]) -> bytes:
    """Return one line per sample, in the order of the samples: header, LF, UTF-8."""
    return bytes(sample_frame(rows).to_csv(index=False, lineterminator="\n").encode())
