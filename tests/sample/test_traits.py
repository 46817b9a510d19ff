"""What a file really holds, where container, suffix or frame claim something else."""

import shutil
from collections.abc import Callable, Iterator
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from tasks.common.digests import content_key
from tasks.common.errors import SourceError
from tasks.common.media.images import Rgb, is_heif
from tasks.common.recipe.models import DownloadRecipe, SampleRecipe
from tasks.sample import VERSION
from tasks.sample.area import find_area
from tasks.sample.stage import sample_key
from tasks.sample.tone import HLG, PQ, to_sdr
from tests.sample.running import sample_file
from tests.sample.videos import number_of, numbered, regular, write_numbered, write_video

service = pytest.mark.service


def numbers(outcome: Any) -> list[int]:
    return [number_of(picture) for picture in outcome.pictures]


# --- containers ---------------------------------------------------------------------------------


def mux(path: Path, *parts: tuple[Path, dict[str, Any]]) -> Path:
    """Copy the videos of files into one container, each with attributes of its stream."""
    with av.open(str(path), "w") as container:
        for source, attributes in parts:
            with av.open(str(source)) as given:
                stream = container.add_stream_from_template(given.streams.video[0])
                for name, value in attributes.items():
                    setattr(stream, name, value)
        for number, (source, _) in enumerate(parts):
            with av.open(str(source)) as given:
                for packet in given.demux(given.streams.video[0]):
                    if packet.dts is not None:
                        packet.stream = container.streams.video[number]
                        container.mux(packet)
    return path


@service
def test_the_largest_track_is_taken_and_not_the_first(tmp_path: Path) -> None:
    small = write_video(tmp_path / "s.mp4", ((t, numbered(9, (80, 60))) for t in regular(10)))
    large = write_numbered(tmp_path / "l.mp4", regular(10))
    both = mux(tmp_path / "both.mp4", (small, {}), (large, {}))
    outcome = sample_file(both, tmp_path / "w", every_s=0.5)
    assert numbers(outcome) == [0, 5]
    assert outcome.pictures[0].shape == (120, 160, 3)


def with_sound(path: Path, video: Path, seconds: float) -> Path:
    """Put a sound track beside a video."""
    with av.open(str(path), "w") as container, av.open(str(video)) as given:
        stream = container.add_stream_from_template(given.streams.video[0])
        sound = container.add_stream("aac", rate=16_000)
        for packet in given.demux(given.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                container.mux(packet)
        for at in range(0, round(seconds * 16_000), 1024):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            frame.sample_rate, frame.pts, frame.time_base = 16_000, at, Fraction(1, 16_000)
            container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    return path


@service
@pytest.mark.parametrize("suffix", ["mkv", "mp4", "ts"])
def test_longer_sound_cuts_no_video(tmp_path: Path, suffix: str) -> None:
    clip = write_numbered(tmp_path / "clip.mp4", regular(20))
    longer = with_sound(tmp_path / f"longer.{suffix}", clip, 6.0)
    outcome = sample_file(longer, tmp_path / "w", every_s=0.5)
    assert (numbers(outcome), outcome.reasons) == ([0, 5, 10, 15], [])


@service
def test_recordings_that_were_joined_follow_each_other(tmp_path: Path) -> None:
    clip = write_numbered(tmp_path / "clip.ts", regular(30), muxer={})
    (tmp_path / "joined.ts").write_bytes(clip.read_bytes() * 2)
    outcome = sample_file(tmp_path / "joined.ts", tmp_path / "w", every_s=0.5)
    found = numbers(outcome)
    assert found[:6] == [0, 5, 10, 15, 20, 25]
    assert len(found) + len(outcome.reasons) == 12
    assert len(set(found[6:])) >= 5


@service
def test_a_bare_stream_is_counted(tmp_path: Path) -> None:
    write_numbered(tmp_path / "clip.h264", regular(30, 25), rate=25, n_between=2)
    outcome = sample_file(tmp_path / "clip.h264", tmp_path / "w", every_s=0.4)
    assert (numbers(outcome), outcome.reasons) == ([0, 10, 20], [])


@service
def test_a_header_that_claims_less_costs_no_target(tmp_path: Path) -> None:
    clip = write_numbered(tmp_path / "clip.mp4", regular(30))
    data = bytearray(clip.read_bytes())
    for box in (b"mvhd", b"mdhd", b"tkhd"):  # version 0: the duration by the box's own layout
        at = data.find(box)
        place = at + (24 if box == b"tkhd" else 20)
        data[place : place + 4] = (int.from_bytes(data[place : place + 4], "big") // 6).to_bytes(4)
    (tmp_path / "claims.mp4").write_bytes(data)
    outcome = sample_file(tmp_path / "claims.mp4", tmp_path / "w", every_s=0.5)
    assert (numbers(outcome), outcome.reasons) == ([0, 5, 10, 15, 20, 25], [])


@service
def test_a_plain_file_keeps_the_key_of_its_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasks.common.records import Source
    from tasks.common.settings import settings
    from tasks.common.workspace.artifacts import ArtifactWriter, Workspace
    from tasks.download.task import fetch_source

    clip = write_numbered(tmp_path / "clip.mp4", regular(10))
    workspace = Workspace.of(settings())
    out = ArtifactWriter(workspace, "download", "d" * 40)
    media = fetch_source(out, Source(source_id="s", uri=str(clip)), DownloadRecipe())
    recipe = SampleRecipe()
    assert sample_key(media, recipe) == content_key("sample", VERSION, media.digest, recipe)


# --- the picture's area, fields ------------------------------------------------------------------


def scene(number: int, size_wh: tuple[int, int] = (320, 180)) -> Rgb:
    """Draw a textured picture with a figure that moves."""
    width, height = size_wh
    chance = np.random.default_rng(3)
    coarse = chance.integers(30, 220, (height // 6 + 1, width // 6 + 1, 3), np.uint8)
    picture = cv2.resize(coarse, size_wh, interpolation=cv2.INTER_NEAREST)
    picture = np.roll(picture, 3 * number, axis=1)
    x = 20 + 8 * number
    picture[30:height, x : x + 40] = (200, 60, 40)
    return np.ascontiguousarray(picture)


def bars(colour: int | tuple[int, int, int], *, sides: bool = False) -> Callable[[Rgb], Rgb]:
    def add(picture: Rgb) -> Rgb:
        pad = ((0, 0), (40, 40), (0, 0)) if sides else ((30, 30), (0, 0), (0, 0))
        shape = [n + a + b for n, (a, b) in zip(picture.shape, pad, strict=True)]
        frame = np.empty(shape, np.uint8)
        frame[:] = colour
        (y, _), (x, _), _ = pad
        frame[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
        return frame

    return add


def blurred(picture: Rgb) -> Rgb:
    height, width = picture.shape[:2]
    large = cv2.resize(picture, (width, height + 120))
    frame = cv2.GaussianBlur(large, (0, 0), 20).astype(np.uint8)
    frame[60 : 60 + height] = picture
    return frame


@pytest.mark.parametrize(
    ("frame", "area"),
    [
        pytest.param(bars(0), (0, 30, 320, 210), id="black"),
        pytest.param(bars(255), (0, 30, 320, 210), id="white"),
        pytest.param(bars((20, 90, 160)), (0, 30, 320, 210), id="blue"),
        pytest.param(bars(0, sides=True), (40, 0, 360, 180), id="at the sides"),
        pytest.param(blurred, (0, 60, 320, 240), id="blurred"),
    ],
)
def test_bars_are_no_part_of_the_picture(
    frame: Callable[[Rgb], Rgb], area: tuple[int, int, int, int]
) -> None:
    found = find_area([frame(scene(number)) for number in range(5)])
    assert found is not None
    assert np.abs(np.subtract(found, area)).max() <= 2
    x0, y0, x1, y1 = found
    assert x0 >= area[0]
    assert y0 >= area[1]
    assert x1 <= area[2]
    assert y1 <= area[3]


def studio(number: int) -> Rgb:
    """Draw a person before a white wall."""
    picture = np.full((180, 320, 3), 255, np.uint8)
    picture[40:170, 100 + number : 150 + number] = (90, 60, 50)
    return picture


@pytest.mark.parametrize("draw", [scene, studio], ids=["scene", "white wall"])
def test_a_picture_without_bars_is_left_alone(draw: Callable[[int], Rgb]) -> None:
    assert find_area([draw(number) for number in range(5)]) is None


@service
def test_what_is_published_has_no_bar(tmp_path: Path) -> None:
    pictures = ((t, bars(0)(scene(n))) for n, t in enumerate(regular(10)))
    clip = write_video(tmp_path / "bars.mp4", pictures)
    outcome = sample_file(clip, tmp_path / "w", every_s=0.2)
    assert {p.shape[1] for p in outcome.pictures} == {320}
    assert {abs(p.shape[0] - 180) <= 4 for p in outcome.pictures} == {True}
    assert min(p[0].mean() for p in outcome.pictures) > 60


def combs(number: int) -> Rgb:
    """Draw a picture whose odd lines are of a later moment."""
    picture = scene(number)
    picture[1::2] = scene(number + 1)[1::2]
    return picture


def roughness(picture: Rgb) -> float:
    """Return how much lines differ from those around them, which is what combs do."""
    lines = picture.astype(float)
    return float(np.abs(lines[1:-1] - (lines[:-2] + lines[2:]) / 2).mean())


@service
def test_interlaced_frames_come_out_without_combs(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "i.mp4", ((t, combs(n)) for n, t in enumerate(regular(10))))
    outcome = sample_file(clip, tmp_path / "w", every_s=0.2)
    plain = write_video(tmp_path / "p.mp4", ((t, scene(n)) for n, t in enumerate(regular(10))))
    expected = sample_file(plain, tmp_path / "v", every_s=0.2)
    for picture, other in zip(outcome.pictures, expected.pictures, strict=True):
        assert picture.shape == other.shape
        assert roughness(picture) < roughness(other) * 1.2
    assert roughness(combs(2)) > roughness(scene(2)) * 2


# --- colour --------------------------------------------------------------------------------------


def test_hdr_white_stays_bright_and_sunlight_is_not_cut() -> None:
    nits = np.array([1.0, 20.0, 100.0, 203.0, 500.0, 900.0])
    power = (nits / 10_000) ** 0.1593017578125
    pq = ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375
    codes = np.repeat(np.rint(pq * 65535).astype(np.uint16)[None, :, None], 3, axis=2)
    shown = to_sdr(codes, PQ, 9)[0, :, 0].astype(int)
    assert (np.diff(shown) > 0).all()
    assert shown[-1] <= 255
    assert 225 <= shown[3] < 250
    # Dark and middle tones are those of SDR.
    expected = (nits[:2] / 203) ** (1 / 2.4) * 255
    assert np.abs(shown[:2] - expected).max() <= 3


def test_hlg_has_the_light_of_its_system_gamma() -> None:
    # 75 % is diffuse white of 203 nits (ITU-R BT.2408).
    codes = np.full((1, 1, 3), round(0.75 * 65535), np.uint16)
    assert abs(int(to_sdr(codes, HLG, 9)[0, 0, 0]) - int(_white_pq())) <= 2


def _white_pq() -> np.uint8:
    codes = np.full((1, 1, 3), round(0.5806888810416109 * 65535), np.uint16)
    white: np.uint8 = to_sdr(codes, PQ, 9)[0, 0, 0]
    return white


@service
@pytest.mark.parametrize("size_wh", [(1280, 720), (320, 180)], ids=["HD", "SD"])
def test_untold_colours_are_those_of_the_size(tmp_path: Path, size_wh: tuple[int, int]) -> None:
    is_hd = size_wh[0] > 1000
    matrix = 1 if is_hd else 5
    red = scene(0, size_wh)
    with av.open(str(tmp_path / "c.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = *size_wh, "yuv420p"
        stream.codec_context.options = {"crf": "10", "preset": "ultrafast"}
        for number in range(4):
            frame = av.VideoFrame.from_ndarray(scene(number, size_wh), "rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace=matrix)
            frame.colorspace = 2
            frame.pts = None
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    outcome = sample_file(tmp_path / "c.mp4", tmp_path / "w", every_s=10, mode="all")
    # Of large areas; small ones lose colour to subsampling.
    person = outcome.pictures[0][size_wh[1] // 2, 40].astype(int)
    assert np.abs(person - red[size_wh[1] // 2, 40].astype(int)).max() <= 6


def photo(size_wh: tuple[int, int] = (240, 160)) -> Image.Image:
    smooth = cv2.GaussianBlur(scene(2, size_wh), (0, 0), 3)
    return Image.fromarray(smooth)


@service
def test_a_profile_is_applied(tmp_path: Path) -> None:
    from tests.sample.profiles import PROPHOTO

    picture = photo()
    other = ImageCms.ImageCmsProfile(BytesIO(PROPHOTO))
    wide = ImageCms.profileToProfile(picture, ImageCms.createProfile("sRGB"), other)
    assert wide is not None
    wide.save(tmp_path / "wide.png", icc_profile=PROPHOTO)
    (shown,) = sample_file(tmp_path / "wide.png", tmp_path / "w", min_side_px=1).pictures
    assert np.abs(np.asarray(wide).astype(int) - np.asarray(picture)).mean() > 8
    assert np.abs(shown.astype(int) - np.asarray(picture)).mean() < 3


@service
@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_pixels_are_shown_on_white(tmp_path: Path, mode: str) -> None:
    picture = photo().convert("RGBA")
    alpha = np.full((160, 240), 255, np.uint8)
    alpha[:, :120] = 0
    picture.putalpha(Image.fromarray(alpha))
    converted = picture.quantize(32) if mode == "P" else picture.convert(mode)
    converted.save(tmp_path / "a.png")
    (shown,) = sample_file(tmp_path / "a.png", tmp_path / "w", min_side_px=1).pictures
    assert shown[:, :110].min() >= 250
    assert shown[:, 130:].mean() < 200


@service
@pytest.mark.parametrize("name", ["a.avif", "named.jpg"])
def test_an_avif_is_read_whole(tmp_path: Path, name: str) -> None:
    photo().save(tmp_path / "a.avif", quality=90)
    if name != "a.avif":
        shutil.copyfile(tmp_path / "a.avif", tmp_path / name)
    assert is_heif(tmp_path / name)
    (shown,) = sample_file(tmp_path / name, tmp_path / "w", min_side_px=1).pictures
    assert np.abs(shown.astype(int) - np.asarray(photo())).mean() < 6


def animated() -> Iterator[Image.Image]:
    return (Image.fromarray(scene(number)) for number in range(4))


@service
@pytest.mark.parametrize("suffix", ["gif", "png", "webp", "avif"])
def test_an_animation_is_refused_by_name(tmp_path: Path, suffix: str) -> None:
    first, *rest = animated()
    path = tmp_path / f"a.{suffix}"
    first.save(path, save_all=True, append_images=rest, duration=200)
    with pytest.raises(SourceError, match="is an animation of 4 pictures"):
        sample_file(path, tmp_path / "w")


@service
def test_a_raw_photo_is_refused_by_name(tmp_path: Path) -> None:
    photo().save(tmp_path / "a.tif", tiffinfo={0x00FE: 1, 50706: b"\1\4\0\0"})
    with pytest.raises(SourceError, match="raw format"):
        sample_file(tmp_path / "a.tif", tmp_path / "w")
