"""Each form in which 360 material comes is recognised or asked about; none is silently flat."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tasks.common.errors import SourceError
from tasks.common.recipe.models import DownloadRecipe
from tasks.common.records import DeclaredProjection, Source
from tasks.common.settings import settings
from tasks.download.fetch import download_key
from tasks.download.probe import Properties, probe
from tests.download.projection.files import (
    add_trailer,
    gpano,
    tag_v1,
    tag_v2,
    write_clip,
    write_photo,
)
from tests.sample.videos import regular, write_video
from tests.spheres import cubemap, disc, discs, flat, sphere

pytestmark = pytest.mark.service
Make = Callable[[Path], Path]
SPHERE = gpano(ProjectionType="equirectangular", UsePanoramaViewer="True")
PART = SPHERE + " " + gpano(CroppedAreaImageWidthPixels=200, FullPanoWidthPixels=320)


def look(path: Path, projection: DeclaredProjection | None = None) -> Properties:
    return probe(path, str(path), DownloadRecipe(), settings(), projection=projection)


def clip(folder: Path, picture: np.ndarray, **options: object) -> Path:
    return write_clip(folder / "a.mp4", picture, **options)


def photo(folder: Path, picture: np.ndarray, xmp: str = "") -> Path:
    return write_photo(folder / "a.jpg", picture, xmp)


def stereo() -> np.ndarray:
    left, right = sphere(), np.roll(sphere(), 1, axis=1)
    return np.vstack([left, right])


def side_by_side() -> np.ndarray:
    return np.hstack([sphere(), np.roll(sphere(), 1, axis=1)])


@pytest.mark.parametrize(
    ("make", "projection"),
    [
        pytest.param(lambda at: tag_v1(clip(at, sphere())), "equirectangular", id="video, v1"),
        pytest.param(lambda at: tag_v2(clip(at, sphere())), "equirectangular", id="video, v2"),
        pytest.param(
            lambda at: tag_v1(clip(at, stereo()), "top-bottom"),
            "stereo-top-bottom",
            id="video, v1, top and bottom",
        ),
        pytest.param(
            lambda at: tag_v2(clip(at, side_by_side()), stereo=2),
            "stereo-left-right",
            id="video, v2, left and right",
        ),
        pytest.param(lambda at: clip(at, sphere()), "equirectangular", id="video without tags"),
        pytest.param(
            lambda at: clip(at, sphere((318, 160)), sample_aspect_ratio=Fraction(161, 160)),
            "equirectangular",
            id="video without tags, pixels not square",
        ),
        pytest.param(
            lambda at: tag_v1(clip(at, stereo())),
            "stereo-top-bottom",
            id="video, a stereo pair that is tagged as one sphere",
        ),
        pytest.param(lambda at: clip(at, stereo()), "stereo-top-bottom", id="pair without tags"),
        pytest.param(lambda at: photo(at, sphere(), SPHERE), "equirectangular", id="GPano photo"),
        pytest.param(lambda at: photo(at, sphere()), "equirectangular", id="photo without tags"),
        pytest.param(
            lambda at: add_trailer(clip(at, sphere())), "equirectangular", id="sphere, trailer"
        ),
        pytest.param(lambda at: add_trailer(clip(at, flat())), "flat", id="flat 2:1, trailer"),
        pytest.param(lambda at: clip(at, flat()), "flat", id="flat video, 2:1"),
        pytest.param(lambda at: clip(at, flat((320, 180))), "flat", id="flat video, 16:9"),
        pytest.param(lambda at: photo(at, flat()), "flat", id="flat photo, 2:1"),
        pytest.param(lambda at: photo(at, flat((300, 200))), "flat", id="flat photo, 3:2"),
        pytest.param(lambda at: photo(at, flat((160, 160))), "flat", id="flat photo, square"),
    ],
)
def test_a_form_is_recognised(make: Make, projection: str, tmp_path: Path) -> None:
    assert look(make(tmp_path)).projection == projection


EXPORT = "xport it as a "
ASK = "column `projection`"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(lambda at: clip(at, discs()), EXPORT, id="video of two discs"),
        pytest.param(lambda at: photo(at, discs()), EXPORT, id="photo of two discs"),
        pytest.param(lambda at: add_trailer(clip(at, discs())), EXPORT, id=".insv, as .mp4"),
        pytest.param(lambda at: add_trailer(photo(at, discs())), EXPORT, id=".insp, as .jpg"),
        pytest.param(lambda at: add_trailer(clip(at, disc())), EXPORT, id="one lens's file"),
        pytest.param(lambda at: photo(at, disc()), ASK, id="photo of one disc"),
        pytest.param(lambda at: tag_v2(clip(at, cubemap()), b"cbmp"), EXPORT, id="cube map"),
        pytest.param(lambda at: photo(at, cubemap()), ASK, id="cube map without tags"),
        pytest.param(lambda at: tag_v2(clip(at, flat()), b"mshp"), EXPORT, id="mesh"),
        pytest.param(lambda at: photo(at, sphere(), PART), ASK, id="swept panorama"),
        pytest.param(
            lambda at: tag_v2(clip(at, flat()), bounds=(0, 0, 1 << 30, 1 << 30)),
            "half a sphere",
            id="VR180",
        ),
        pytest.param(lambda at: tag_v1(clip(at, flat())), ASK, id="flat video, tagged"),
        pytest.param(
            lambda at: tag_v1(clip(at, flat()), software=""), ASK, id="flat video, tagged by hand"
        ),
        pytest.param(lambda at: photo(at, flat(), SPHERE), ASK, id="flat photo, GPano"),
        pytest.param(
            lambda at: photo(at, np.full((160, 320, 3), 250, np.uint8)), ASK, id="all white, 2:1"
        ),
    ],
)
def test_a_form_that_cannot_be_used_says_what_to_do(
    make: Make, message: str, tmp_path: Path
) -> None:
    with pytest.raises(SourceError, match=message):
        look(make(tmp_path))


@pytest.mark.parametrize(
    "declared", ["flat", "equirectangular", "stereo-top-bottom", "stereo-left-right"]
)
def test_the_source_list_overrides_what_the_content_says(
    declared: DeclaredProjection, tmp_path: Path
) -> None:
    assert look(photo(tmp_path, sphere(), SPHERE), declared).projection == declared


def test_a_video_that_begins_with_black_is_recognised_by_what_follows(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    pictures = [np.zeros((160, 320, 3), np.uint8)] * 2 + [sphere()] * 6
    write_video(path, zip(regular(8), pictures, strict=True), gop=2)
    assert look(path).projection == "equirectangular"


@pytest.mark.parametrize("is_indexed", [False, True], ids=["records in a row", "with an index"])
@pytest.mark.parametrize("is_video", [True, False], ids=["video", "photo"])
def test_the_trailer_names_the_camera(is_video: bool, is_indexed: bool, tmp_path: Path) -> None:
    plain = clip(tmp_path, flat()) if is_video else photo(tmp_path, flat())
    assert look(plain).captured_with is None
    marked = add_trailer(plain, "Insta360 ONE X2", is_indexed=is_indexed)
    assert look(marked).captured_with == "Insta360 ONE X2"


def test_a_declared_projection_makes_another_download_and_none_leaves_the_key() -> None:
    source, recipe = Source(source_id="s", uri="a.mp4"), DownloadRecipe()
    declared = source.model_copy(update={"projection": "flat"})
    assert download_key(source, recipe) != download_key(declared, recipe)
    # A literal key, since artifacts on disks have it.
    assert "projection" not in source.model_dump()
    assert declared.model_dump()["projection"] == "flat"
