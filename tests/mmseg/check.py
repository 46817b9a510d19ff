"""Does real mmsegmentation load a published subset, and learn from it?

    python tests/mmseg/check.py FOLDER

runs in an environment of mmsegmentation's own (`make mmseg-check` makes it) and takes nothing from
this project but the published folder. It builds each dataset of `mmseg_config.py` as it stands,
loads every sample of every list, then trains a tiny network on the CPU.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config, ConfigDict
from mmengine.runner import Runner
from mmseg.registry import DATASETS
from mmseg.utils import register_all_modules

ITERATIONS = 40
WANTED_MIOU = 0.9
SIZE_WH = (96, 144)
CLASSES = ("background", "person")
IGNORE = 255


def load_all(config: Config, folder: Path) -> int:
    """Load every sample of every list through its pipeline; return how many were loaded."""
    n_loaded = 0
    for side in ("train", "val", "test"):
        dataset = config.get(f"{side}_dataset")
        if dataset is None:
            continue
        lists = [dataset.ann_file, *config[f"{side}_scenes"].values()]
        for name in lists:
            stems = (folder / name).read_text(encoding="utf-8").split()
            built = DATASETS.build(dataset | {"ann_file": name})
            assert len(built) == len(stems), f"{name}: {len(built)} loaded, {len(stems)} listed"
            shares = [check_sample(built[number], stems) for number in range(len(built))]
            n_loaded += len(built)
            print(f"{name}: {len(built)} samples, person on {100 * np.mean(shares):.0f} % of px")
    listed = {f"split_dir/{path.name}" for path in (folder / "split_dir").iterdir()}
    named = {
        name
        for side in ("train", "val", "test")
        if f"{side}_dataset" in config
        for name in (config[f"{side}_dataset"].ann_file, *config[f"{side}_scenes"].values())
    }
    assert listed == named, f"lists that the configuration does not name: {listed ^ named}"
    return n_loaded


def check_sample(sample: dict[str, Any], stems: list[str]) -> float:
    """Compare a loaded sample with what a training needs; return the person's share of it."""
    mask = sample["data_samples"].gt_sem_seg.data.numpy()[0]
    image = sample["inputs"].numpy()
    assert image.shape == (3, *mask.shape), f"image {image.shape}, mask {mask.shape}"
    values = set(np.unique(mask))
    assert 1 in values, f"mask holds {np.unique(mask)}"
    assert values <= {0, 1, IGNORE}, f"mask holds {np.unique(mask)}"
    assert Path(sample["data_samples"].img_path).stem in stems
    assert sample["data_samples"].reduce_zero_label is False
    return float((mask == 1).mean())


def ignored_share(config: Config) -> float:
    """Return the share of all pixels of the training list that no training counts."""
    dataset = DATASETS.build(config.get("train_dataset") or config["test_dataset"])
    masks = [dataset[n]["data_samples"].gt_sem_seg.data.numpy() for n in range(len(dataset))]
    return float(np.mean(np.concatenate([mask.ravel() for mask in masks]) == IGNORE))


def train(config: Config, work: str) -> dict[str, float]:
    """Train a small U-Net on the training list and measure it there."""
    resize = dict(type="Resize", scale=SIZE_WH, keep_ratio=False)
    load, annotations, pack = config.load
    dataset = config.get("train_dataset") or config["test_dataset"]
    n_samples = len(DATASETS.build(dataset))
    batch = min(8, n_samples)
    fed = dataset | {"pipeline": [load, annotations, resize, pack]}
    seen = dataset | {"pipeline": [load, resize, annotations, pack]}  # scored at its own size
    norm = dict(type="BN", requires_grad=True)
    loader = dict(num_workers=0, persistent_workers=False)
    runner = Runner(
        model=dict(
            type="EncoderDecoder",
            data_preprocessor=dict(
                type="SegDataPreProcessor", mean=[124.0, 116.0, 104.0], std=[58.0, 57.0, 57.0],
                bgr_to_rgb=True, pad_val=0, seg_pad_val=255, size=SIZE_WH[::-1],
            ),
            backbone=dict(
                type="UNet", in_channels=3, base_channels=12, num_stages=4, strides=(1, 1, 1, 1),
                enc_num_convs=(2, 2, 2, 2), dec_num_convs=(2, 2, 2), downsamples=(True,) * 3,
                enc_dilations=(1, 1, 1, 1), dec_dilations=(1, 1, 1), norm_cfg=norm,
            ),
            decode_head=dict(
                type="FCNHead", in_channels=12, in_index=3, channels=12, num_convs=1,
                concat_input=False, dropout_ratio=0.0, num_classes=2, norm_cfg=norm,
                ignore_index=config.ignore_index, loss_decode=dict(type="CrossEntropyLoss"),
            ),
            test_cfg=ConfigDict(mode="whole"),
        ),
        work_dir=work,
        train_dataloader=dict(
            **loader, batch_size=batch, dataset=fed,
            sampler=dict(type="InfiniteSampler", shuffle=True),
        ),
        train_cfg=dict(type="IterBasedTrainLoop", max_iters=ITERATIONS, val_begin=ITERATIONS + 1),
        optim_wrapper=dict(optimizer=dict(type="Adam", lr=0.01)),
        param_scheduler=dict(type="PolyLR", power=0.9, end=ITERATIONS, by_epoch=False),
        val_dataloader=dict(
            **loader, batch_size=1, dataset=seen, sampler=dict(type="DefaultSampler", shuffle=False)
        ),
        val_evaluator=dict(
            type="IoUMetric", iou_metrics=["mIoU"], ignore_index=config.ignore_index
        ),
        val_cfg=dict(),
        default_hooks=dict(
            logger=dict(type="LoggerHook", interval=10),
            checkpoint=dict(type="CheckpointHook", interval=-1),
        ),
        randomness=dict(seed=0),
        default_scope="mmseg",
        experiment_name="matteflow",
        log_level="WARNING",
    )  # fmt: skip
    runner.train()
    metrics: dict[str, float] = runner.val()
    return metrics


def main(folder: Path) -> int:
    """Check the subset in a folder; return the exit code."""
    register_all_modules()
    config = Config.fromfile(folder / "mmseg_config.py")
    assert Path(config.data_root) == folder, f"data_root is {config.data_root}"
    assert config.ignore_index == IGNORE, f"ignore_index is {config.ignore_index}"
    print(f"loaded {load_all(config, folder)} samples of all lists of {folder.name}")
    print(f"{100 * ignored_share(config):.1f} % of the training list's px are ignored")
    with tempfile.TemporaryDirectory() as work:
        found = train(config, work)
    figures = ", ".join(f"{name} {float(value):.1f}" for name, value in found.items())
    print(f"after {ITERATIONS} iterations, on its own training data: {figures}")
    if found["mIoU"] <= 100 * WANTED_MIOU:
        print(f"mIoU {found['mIoU']:.1f} is not above {100 * WANTED_MIOU:.0f}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
