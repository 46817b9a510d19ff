from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sample.running import Outcome, sample_file
from tests.sample.videos import number_of, regular, write_numbered

pytestmark = pytest.mark.service  # encoded videos and their decoder, a child process


def numbers(outcome: Outcome) -> list[int]:
    return [number_of(picture) for picture in outcome.pictures]


@pytest.mark.parametrize(
    ("rate", "n_frames", "every_s", "expected"),
    [
        pytest.param(10, 1, 1.0, [0], id="a single frame"),
        pytest.param(10, 30, 1.0, [0, 10, 20], id="whole seconds"),
        pytest.param(10, 31, 1.0, [0, 10, 20, 30], id="a target on the last frame"),
        pytest.param(10, 10, 0.25, [0, 3, 5, 8], id="targets between frames"),
        pytest.param(10, 4, 0.1, [0, 1, 2, 3], id="every frame"),
        pytest.param(Fraction(30000, 1001), 62, 1.0, [0, 30, 60], id="NTSC"),
        pytest.param(10, 5, 3600.0, [0], id="a step longer than the video"),
    ],
)
def test_a_constant_rate_gives_the_first_frame_at_or_after_each_target(
    tmp_path: Path, rate: Fraction | int, n_frames: int, every_s: float, expected: list[int]
) -> None:
    clip = write_numbered(tmp_path / "clip.mp4", regular(n_frames, rate), rate=rate)
    outcome = sample_file(clip, tmp_path / "w", every_s=every_s, mode="all")
    assert numbers(outcome) == expected
    assert outcome.times_s == [
        pytest.approx(float(number / Fraction(rate)), abs=1e-4) for number in expected
    ]
    assert outcome.drops == []


def test_frames_stored_out_of_order_come_out_in_the_order_of_showing(tmp_path: Path) -> None:
    clip = write_numbered(tmp_path / "clip.mp4", regular(20), n_between=3)
    outcome = sample_file(clip, tmp_path / "w", every_s=0.1)
    assert numbers(outcome) == list(range(20))


def test_a_gap_makes_one_drop_for_each_target_without_a_new_picture(tmp_path: Path) -> None:
    clip = write_numbered(tmp_path / "clip.mp4", [0.0, 0.5, 1.1, 3.4, 4.2])
    outcome = sample_file(clip, tmp_path / "w", every_s=1.0)
    assert list(zip(outcome.times_s, numbers(outcome), strict=True)) == [
        (0.0, 0),
        (1.1, 2),
        (3.4, 3),
        (4.2, 4),
    ]
    assert [(drop["item"], drop["reason"]) for drop in outcome.drops] == [
        ("2.000s", "no_new_frame")
    ]
    assert outcome.result.n_in == 5


@pytest.mark.parametrize("container", ["mp4", "mkv", "ts", "mov"])
def test_times_count_from_the_first_frame_when_a_stream_starts_late(
    tmp_path: Path, container: str
) -> None:
    clip = write_numbered(tmp_path / f"clip.{container}", regular(30, start_s=5.0))
    outcome = sample_file(clip, tmp_path / "w", every_s=1.0)
    assert outcome.times_s == [0.0, 1.0, 2.0]
    assert numbers(outcome) == [0, 10, 20]
    assert outcome.drops == []


def test_a_long_video_gets_targets_further_apart(tmp_path: Path) -> None:
    clip = write_numbered(tmp_path / "clip.mp4", regular(40))
    outcome = sample_file(clip, tmp_path / "w", every_s=0.1, max_frames=4)
    assert outcome.times_s == [0.0, 1.0, 2.0, 3.0]
    assert numbers(outcome) == [0, 10, 20, 30]


def test_max_frames_holds_when_the_container_does_not_say_how_long_it_is(tmp_path: Path) -> None:
    clip = write_numbered(tmp_path / "clip.mkv", regular(40), muxer={"live": "1"})
    outcome = sample_file(clip, tmp_path / "w", every_s=0.1, max_frames=4)
    assert outcome.result.n_kept <= 4


def test_a_video_of_unknown_length_gives_every_target_that_it_reaches(tmp_path: Path) -> None:
    clip = write_numbered(tmp_path / "clip.mkv", regular(30), muxer={"live": "1"})
    outcome = sample_file(clip, tmp_path / "w", every_s=1.0)
    assert numbers(outcome) == [0, 10, 20]
    assert outcome.drops == []


def test_frame_ids_carry_the_media_and_the_time_in_milliseconds(tmp_path: Path) -> None:
    clip = write_numbered(tmp_path / "clip.mp4", regular(30))
    outcome = sample_file(clip, tmp_path / "w", every_s=1.0)
    media_id = outcome.rows[0]["media_id"]
    assert [row["frame_id"] for row in outcome.rows] == [
        f"{media_id[:12]}-{time_ms:08d}" for time_ms in (0, 1000, 2000)
    ]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    rate=st.sampled_from([Fraction(5), Fraction(24), Fraction(25), Fraction(30000, 1001)]),
    n_frames=st.integers(1, 40),
    every_s=st.floats(0.05, 3.0),
    mode=st.sampled_from(["auto", "all", "keyframes"]),
)
def test_every_target_is_kept_or_dropped_and_kept_frames_are_what_they_say(
    tmp_path_factory: pytest.TempPathFactory,
    rate: Fraction,
    n_frames: int,
    every_s: float,
    mode: str,
) -> None:
    folder = tmp_path_factory.mktemp("law")
    clip = write_numbered(folder / "clip.mp4", regular(n_frames, rate), rate=rate, gop=6)
    outcome = sample_file(clip, folder / "w", every_s=every_s, mode=mode)
    assert outcome.result.n_in == outcome.result.n_kept + outcome.result.n_dropped
    assert (len(outcome.rows), len(outcome.drops)) == (
        outcome.result.n_kept,
        outcome.result.n_dropped,
    )
    assert numbers(outcome) == [round(time_s * rate) for time_s in outcome.times_s]
    assert outcome.times_s == sorted(set(outcome.times_s))
