"""Ten routes and twelve traps: an untouched mask has 0 px changed, an edit arrives as that edit,
everything else is refused with a sentence."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from flows.engine.work_orders import Receipt
from tasks.annotate.check import Sent, problem_of
from tasks.annotate.order import Order
from tasks.annotate.receive import Outcome
from tasks.annotate.routes.brush_rle import decode_brush
from tasks.annotate.routes.mask_picture import THRESHOLD
from tasks.annotate.routes.returned import Returned
from tasks.common.media.images import Mask, read_rgb
from tasks.common.schema.boxes import Box
from tasks.common.workspace.corrections import read_corrections, read_mask
from tests.annotate.builders import MEDIA, edited, workspace
from tests.annotate.orders import base_of, received, sent
from tests.annotate.routes import EXACT, ROUTES, Came

Trap = Callable[[Came, Came], Came]


@pytest.fixture
def order(tmp_path: Path) -> Order:
    return sent("png", tmp_path / "out")


@pytest.fixture(params=ROUTES)
def route(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def came(order: Order, number: int) -> Came:
    item = order.items[number]
    picture = read_rgb(workspace().path(item.picture_path))
    return Came(item.sample, np.ascontiguousarray(picture), base_of(order, number))


def back(route: str, order: Order, trap: Trap, folder: Path) -> Receipt:
    """Return the first sample as the trap leaves it, and the second untouched."""
    first, second = came(order, 0), came(order, 1)
    folder.mkdir()
    return received(ROUTES[route]([trap(first, second), second], folder), order)


def outcomes(receipt: Receipt, order: Order) -> tuple[Outcome, Outcome]:
    """Return the outcome of the sample with the trap, and that of the other one."""
    assert len(receipt.outcomes) == 2
    other = order.items[1].sample
    first = [outcome for outcome in receipt.outcomes if outcome.sample != other]
    if not first:  # renamed or swapped: the trap took the other's name
        return receipt.outcomes[0], receipt.outcomes[1]
    return first[0], next(o for o in receipt.outcomes if o is not first[0])


def stored(order: Order) -> Mask:
    (correction,) = read_corrections(workspace(), MEDIA)
    return read_mask(workspace(), MEDIA, correction.mask_digest)


def test_an_untouched_delivery_changes_no_pixel(route: str, order: Order, tmp_path: Path) -> None:
    receipt = back(route, order, lambda first, _: first, tmp_path / "back")
    assert [(o.result, o.n_added, o.n_removed) for o in receipt.outcomes] == [
        ("unchanged", 0, 0)
    ] * 2
    assert read_corrections(workspace(), MEDIA) == ()


# An edit of each kind that loses pixels somewhere: the crop is 40 x 70, its person 26 x 56 in it.
EDITS = {
    "hole": lambda mask: edited(mask, Box(15, 30, 22, 38), code=0),
    "detached part": lambda mask: edited(mask, Box(0, 5, 3, 15)),
    "border row": lambda mask: edited(mask, Box(0, 66, 40, 70)),
}


@pytest.mark.parametrize("name", EDITS)
@pytest.mark.parametrize("route", EXACT)
def test_an_edit_arrives_as_that_edit(route: str, name: str, order: Order, tmp_path: Path) -> None:
    wanted = EDITS[name](base_of(order, 0))
    receipt = back(route, order, lambda first, _: first._replace(mask=wanted), tmp_path / "back")
    first, second = outcomes(receipt, order)
    assert (first.result, second.result) == ("corrected", "unchanged")
    assert (stored(order) == wanted).all()


@pytest.mark.parametrize("name", ["detached part", "border row"])
def test_an_edit_by_polygons_arrives_within_their_loss_and_is_marked(
    name: str, order: Order, tmp_path: Path
) -> None:
    wanted = EDITS[name](base_of(order, 0))
    receipt = back(
        "labelme", order, lambda first, _: first._replace(mask=wanted), tmp_path / "back"
    )
    first, second = outcomes(receipt, order)
    assert (first.result, second.result) == ("corrected", "unchanged")
    assert "polygon" in first.sentence
    assert "IoU" in first.sentence
    (correction,) = read_corrections(workspace(), MEDIA)
    assert correction.is_polygon
    # Nothing is touched but within two pixels of the edit itself.
    edit = (wanted != base_of(order, 0)).astype(np.uint8)
    near = cv2.dilate(edit, np.ones((5, 5), np.uint8)) == 1
    assert (stored(order) == base_of(order, 0))[~near].all()
    assert np.count_nonzero(stored(order) != wanted) <= 0.25 * np.count_nonzero(edit)


def test_a_hole_that_a_polygon_cannot_cut_stays_as_it_was_sent(
    order: Order, tmp_path: Path
) -> None:
    receipt = back(
        "labelme",
        order,
        lambda first, _: first._replace(mask=EDITS["hole"](first.mask)),
        tmp_path / "back",
    )
    assert outcomes(receipt, order)[0].result == "unchanged"


def soft_edge(mask: Mask) -> Mask:
    """Return an alpha with soft edges whose half is exactly this mask."""
    blurred = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1.2)
    inside = np.clip(blurred, 0.502, 1.0)
    outside = np.clip(blurred, 0.0, 0.498)
    alpha: Mask = np.rint(255 * np.where(mask == 1, inside, outside)).astype(np.uint8)
    return alpha


@pytest.mark.parametrize("route", ["png", "cut-outs", "removebg", "psd", "fiftyone"])
def test_a_soft_alpha_counts_from_one_half(route: str, order: Order, tmp_path: Path) -> None:
    wanted = EDITS["detached part"](base_of(order, 0))
    soft = soft_edge(wanted)
    assert len(np.unique(soft)) > 20
    receipt = back(route, order, lambda first, _: first._replace(soft=soft), tmp_path / "back")
    assert outcomes(receipt, order)[0].result == "corrected"
    assert (stored(order) == wanted).all()


def resized(first: Came, _: Came) -> Came:
    size = first.size_wh[0] // 2, first.size_wh[1] // 2
    return first._replace(
        mask=np.asarray(cv2.resize(first.mask, size, interpolation=cv2.INTER_NEAREST), np.uint8),
        rgb=np.asarray(cv2.resize(first.rgb, size), np.uint8),
    )


def cropped(first: Came, _: Came) -> Came:
    return first._replace(mask=first.mask[5:, :], rgb=np.ascontiguousarray(first.rgb[5:, :]))


def swapped(first: Came, _second: Came) -> Came:
    """Return the mask of a stranger's picture of the same size under this sample's name."""
    other = np.zeros_like(first.mask)
    other[2:20, :8] = 1
    rgb = np.random.default_rng(1).integers(0, 255, first.rgb.shape, dtype=np.uint8)
    return first._replace(mask=other, rgb=rgb)


TRAPS: dict[str, tuple[Trap, str]] = {
    "empty": (lambda a, _: a._replace(mask=np.zeros_like(a.mask)), "no person|is empty"),
    "resized": (resized, "was resized"),
    "cropped": (cropped, "was cropped"),
    "renamed": (lambda a, _: a._replace(name="IMG_0001"), "no sample of this order"),
    "two labels": (
        lambda a, _: a._replace(second_label=edited(np.zeros_like(a.mask), Box(0, 0, 12, 12))),
        "label",
    ),
}


@pytest.mark.parametrize("name", TRAPS)
def test_everything_else_is_refused_with_a_sentence(
    route: str, name: str, order: Order, tmp_path: Path
) -> None:
    trap, reason = TRAPS[name]
    receipt = back(route, order, trap, tmp_path / "back")
    first, second = outcomes(receipt, order)
    assert (first.result, second.result) == ("refused", "unchanged")
    assert re.search(reason, first.sentence), first.sentence
    assert first.sentence.endswith(".")
    assert read_corrections(workspace(), MEDIA) == ()


@pytest.mark.parametrize("route", ["cut-outs", "removebg", "psd"])
def test_a_mask_of_another_picture_is_refused_where_the_file_shows_it(
    route: str, order: Order, tmp_path: Path
) -> None:
    receipt = back(route, order, swapped, tmp_path / "back")
    first, _ = outcomes(receipt, order)
    assert first.result == "refused"
    assert "another picture" in first.sentence


def test_a_mask_under_the_name_of_another_sample_is_refused(order: Order) -> None:
    here, there = np.zeros((70, 40), np.uint8), np.zeros((70, 40), np.uint8)
    here[10:60, 2:14], there[5:50, 20:39] = 1, 1
    first, second = (
        Sent(item, mask, None) for item, mask in zip(order.items, (here, there), strict=True)
    )
    names = {first.item.sample: first, second.item.sample: second}
    returned = Returned("a.png", first.item.sample, there, size_wh=(40, 70))
    assert problem_of(returned, names).startswith(f"is the mask of {second.item.sample}")
    stranger = returned._replace(mask=edited(np.zeros_like(here), Box(0, 62, 40, 70)))
    assert problem_of(stranger, names) == ""


def test_the_sent_mask_at_another_place_is_refused(
    route: str, order: Order, tmp_path: Path
) -> None:
    def moved(first: Came, _: Came) -> Came:
        return first._replace(mask=np.roll(first.mask, (2, 3), axis=(0, 1)))

    receipt = back(route, order, moved, tmp_path / "back")
    first, _ = outcomes(receipt, order)
    # A polygon's outline is never the sent one to the pixel, so its step cannot be recognised.
    if route != "labelme":
        assert (first.result, "moved by 3, 2 px" in first.sentence) == ("refused", True)


def test_a_disabled_layer_mask_is_refused(order: Order, tmp_path: Path) -> None:
    receipt = back("psd", order, lambda a, _: a._replace(is_disabled=True), tmp_path / "back")
    first, second = outcomes(receipt, order)
    assert (first.result, second.result) == ("refused", "unchanged")
    assert "disabled layer mask" in first.sentence


def test_a_task_without_brush_is_refused_as_empty(order: Order, tmp_path: Path) -> None:
    file = tmp_path / "export.json"
    annotation = {"result": [], "was_cancelled": False}
    file.write_text(
        json.dumps([{"data": {"sample": order.items[0].sample}, "annotations": [annotation]}])
    )
    (outcome,) = received(file, order).outcomes
    assert (outcome.result, "is empty" in outcome.sentence) == ("refused", True)


def test_a_skipped_task_is_named_and_nothing_of_it_is_taken(order: Order, tmp_path: Path) -> None:
    file = ROUTES["labelstudio"]([came(order, 0)], tmp_path)
    tasks = json.loads(file.read_text())
    tasks[0]["annotations"][0]["was_cancelled"] = True
    file.write_text(json.dumps(tasks))
    (outcome,) = received(file, order).outcomes
    assert (outcome.result, "was skipped" in outcome.sentence) == ("refused", True)


def test_two_files_for_one_sample_are_both_refused(order: Order, tmp_path: Path) -> None:
    first = came(order, 0)
    for name in ("a", "b"):
        (tmp_path / "back" / name).mkdir(parents=True)
        ROUTES["png"]([first], tmp_path / "back" / name)
    receipt = received(tmp_path / "back", order)
    assert [o.result for o in receipt.outcomes] == ["refused"] * 2
    assert "keep one" in receipt.outcomes[0].sentence


@pytest.mark.parametrize("kind", ["png", "psd", "cvat", "coco", "fiftyone"])
def test_a_folder_that_went_out_comes_back_unchanged(kind: str, tmp_path: Path) -> None:
    sent(kind, tmp_path / "out")  # type: ignore[arg-type]
    receipt = received(tmp_path / "out")
    assert [o.result for o in receipt.outcomes] == ["unchanged"] * 2
    assert receipt.order.format == kind


def test_an_export_without_a_manifest_finds_its_order_by_its_samples(
    order: Order, tmp_path: Path
) -> None:
    (tmp_path / "back").mkdir()
    export = ROUTES["coco"]([came(order, 0)], tmp_path / "back")
    assert received(export).order == order


def test_what_the_real_editor_saved_is_its_two_strokes_and_nothing_else() -> None:
    """Recorded from Label Studio's own editor in a browser: a brush stroke and an eraser stroke.

    Its brush writes soft edges; from half on they count.
    """
    recorded = json.loads((Path(__file__).parent / "labelstudio_editor.json").read_text())
    width, height = recorded["size_wh"]
    sent, alpha = (decode_brush(recorded[name], (width, height)) for name in ("sent", "came"))
    assert len(np.unique(alpha)) > 20
    came = alpha >= THRESHOLD
    changed = (came != (sent >= THRESHOLD)).astype(np.uint8)
    n_parts, _, parts, _ = cv2.connectedComponentsWithStats(changed, connectivity=8)
    assert (n_parts - 1, sorted(parts[1:, cv2.CC_STAT_AREA].tolist())) == (2, [44, 52])
