"""What is published stays the same bytes until somebody means it to change."""

import csv
from pathlib import Path

from tests.golden.subset import publish_golden, recorded


def test_the_golden_subset_is_published_as_recorded(tmp_path: Path) -> None:
    made = publish_golden(tmp_path)
    assert sorted(made) == sorted(recorded())
    for name, data in made.items():
        assert data.decode() == recorded()[name].decode(), name


def test_its_second_version_moved_nobody_and_left_out_what_ties_both_splits() -> None:
    first, second = (
        {row["stem"]: row["split"] for row in csv.DictReader(recorded()[f"v{n}/samples.csv"]
                                                             .decode().splitlines())}
        for n in (1, 2)
    )  # fmt: skip
    assert {stem: second[stem] for stem in first} == first
    assert sorted(second.keys() - first.keys()) == ["late-a", "late-b", "twin-a", "twin-b"]
    assert second["twin-a"] == first["jump-a"]  # nearly the same picture
