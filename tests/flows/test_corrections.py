"""A correction from the work order to the next version, and through another model and recipe."""

from datetime import UTC, datetime
from pathlib import Path
from shutil import copyfile

import numpy as np
import pytest
from PIL import Image

from flows.engine.derived import find_derived
from flows.engine.run_record import RunRecord, load_run
from flows.engine.work_orders import Request, receive, send
from flows.explain import explain_crop
from flows.publish import publish_run
from flows.takedown import take_down
from tasks.annotate.order import Order
from tasks.annotate.task import Delivered
from tasks.common.media.images import Mask, read_grey
from tasks.common.settings import settings
from tasks.common.workspace.artifacts import Workspace
from tasks.publish.task import open_registry
from tests.flows.test_ingest import published_files, recipe_file, run

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect_server", "computed")]

NOW = datetime(2026, 11, 28, tzinfo=UTC)


@pytest.fixture
def media(tmp_path: Path, bus_photo: Path) -> Path:
    folder = tmp_path / "media"
    folder.mkdir()
    copyfile(bus_photo, folder / "bus.jpg")
    return folder


def workspace() -> Workspace:
    return Workspace.of(settings())


def corrected(folder: Path) -> tuple[Order, Mask, Mask]:
    """Send one mask, paint a bar across it, receive it; return the sent and the painted mask."""
    request = Request("", "png", "all", 1, folder)
    order = send(request, workspace(), settings().store, NOW)
    (item,) = order.items
    file = folder / "masks" / f"{item.sample}.png"
    sent = read_grey(file)
    painted = sent.copy()
    middle = sent.shape[0] // 2
    painted[middle : middle + 8, :] = 255
    Image.fromarray(painted).save(file)
    receipt = receive(folder, Delivered("li", NOW, "ps", 4.0), "", workspace())
    assert [outcome.result for outcome in receipt.outcomes] == ["corrected"]
    return order, (sent == 255).astype(np.uint8), (painted == 255).astype(np.uint8)


def matte_mask(record: RunRecord, sample: str) -> Mask:
    (outcome,) = record.outcomes
    assert outcome.mattes is not None
    rows = {row["crop_id"]: row for row in workspace().item_table(outcome.mattes).to_pylist()}
    return read_grey(workspace().path(rows[sample]["mask_path"]))


def test_a_correction_reaches_the_next_version_and_its_changelog_names_the_channel(
    media: Path, tmp_path: Path
) -> None:
    run(media, recipe_file(tmp_path))
    order, _, painted = corrected(tmp_path / "order")
    (item,) = order.items
    state = publish_run(return_state=True)
    assert state.is_completed(), state.message
    record = load_run(workspace(), None)
    assert record.publication is not None
    assert record.publication.version == 2
    files = published_files(record)
    changelog = files["CHANGELOG.md"].decode()
    assert f"rembg u2netp → human ps: 1 (such as {item.sample})" in changelog
    assert "| human ps | 1 |" in files["README.md"].decode()
    assert b'"human": 1' in files["dataset.json"]
    assert (matte_mask(record, item.sample) == painted).all()
    page = explain_crop(item.sample, None, workspace())
    html = Path(page.page.removeprefix("file://")).read_text()
    assert "the machine&#39;s mask" in html
    assert "human ps, li on 2026-11-28" in html
    # Publishing once more finds nothing new.
    publish_run(return_state=True)
    again = load_run(workspace(), None).publication
    assert again is not None
    assert (again.version, again.is_new) == (2, False)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"matte": {"threshold": 0.2}}, id="another mask of the machine"),
        pytest.param({"detect": {"context": 0.35}}, id="another cut around the person"),
    ],
)
def test_another_run_keeps_every_pixel_that_the_person_changed(
    changes: dict[str, dict[str, float]], media: Path, tmp_path: Path
) -> None:
    run(media, recipe_file(tmp_path))
    order, sent, painted = corrected(tmp_path / "order")
    (item,) = order.items
    state, record = run(media, recipe_file(tmp_path, **changes))
    assert state.is_completed(), state.message
    (outcome,) = record.outcomes
    assert outcome.result("correct") is not None
    assert outcome.crops is not None
    rows = workspace().item_table(outcome.crops).to_pylist()
    same_person = [row["crop_id"] for row in rows if row["crop_id"] == item.sample]
    assert same_person == [item.sample]
    box = next(row["crop_box_xyxy"] for row in rows if row["crop_id"] == item.sample)
    x0, y0 = (int(float(value)) for value in box.strip("[]").split(",")[:2])
    now = matte_mask(record, item.sample)
    dx, dy = int(item.region_xyxy[0]) - x0, int(item.region_xyxy[1]) - y0
    assert dx >= 0 <= dy  # the wider crop holds the narrower one
    here = now[dy : dy + sent.shape[0], dx : dx + sent.shape[1]]
    changed = sent != painted
    assert (here[changed] == painted[changed]).all()


def test_a_takedown_removes_corrections_with_their_masks(media: Path, tmp_path: Path) -> None:
    run(media, recipe_file(tmp_path))
    corrected(tmp_path / "order")
    registry = open_registry(settings().store)
    derived = find_derived("source", "bus.jpg", workspace(), registry)
    assert derived.n_corrections == 1
    take_down("source", "bus.jpg", "asked to", derived, workspace(), registry, NOW)
    assert workspace().names("corrections") == []
