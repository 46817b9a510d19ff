"""The tree that a trainer syncs: built whole in the workspace before a store sees any of it."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable
from importlib.resources import files
from typing import Any

import jinja2
import pandas as pd

from tasks.common.artifacts import ArtifactWriter
from tasks.common.bounds import RuleBounds
from tasks.common.errors import InputError
from tasks.common.keys import content_key
from tasks.common.origin import ORIGIN, origin_of
from tasks.common.progress import track
from tasks.common.recipe import PublishRecipe
from tasks.common.records import Source, SourceOutcome, StageResult
from tasks.common.tables import make_table
from tasks.publish import VERSION
from tasks.publish.crop_tables import encode_csv, review_table
from tasks.publish.heed import media_of
from tasks.publish.render import encode_sample, read_sample
from tasks.publish.report import render_report
from tasks.publish.select import Sample, choose_samples
from tasks.publish.subset import Subset

FILES = {
    "name": "string",  # path inside the subset's folder
    "path": "string",
    "digest": "string",
    "md5": "string",  # what most stores call the ETag, so that a listing tells what lies there
    "size_bytes": "Int64",
    "split": "string",
    "scenes": "string",  # JSON list
    "source_id": "string",
    "licence": "string",
    "channel": "string",
    **dict.fromkeys(ORIGIN, "string"),
}
MANIFEST_NAME = "MANIFEST.sha256"


def tree_key(outcomes: Iterable[SourceOutcome], recipe: PublishRecipe, bounds: RuleBounds) -> str:
    """Name the tree by provenance, what the stages gave and dropped, and what the recipe says.

    Sources that failed count too: a pin on one of them holds for its whole group. A download is
    named by its bytes alone, since its key changes whenever somebody touches the file.
    """
    parts = [
        [
            outcome.source.model_dump(mode="json"),
            outcome.error is None,
            *map(_name_of, outcome.stages),
        ]
        for outcome in outcomes
    ]
    return content_key("publish", VERSION, parts, recipe, bounds)


def _name_of(result: StageResult) -> list[str]:
    return [result.stage, result.digest, "" if result.stage == "download" else result.key]


def build_tree(subset: Subset, recipe: PublishRecipe, out: ArtifactWriter) -> StageResult:
    """Write every file of the subset into the workspace.

    Raises:
        InputError: no crop was kept, so there is nothing to publish.
        ValueError: a sample would ruin a training.
    """
    samples = choose_samples(subset, recipe)
    if not samples:
        raise InputError(
            "No crop was kept, so there is nothing to publish. `matteflow show` tells what was "
            "dropped and why; the bounds stand in the recipe under 'filter'."
        )
    rows: list[dict[str, Any]] = []
    for sample in track(samples, "publish", len(samples)):
        rows += _sample_files(sample, recipe, out)
    rows += _text_files(samples, subset, recipe, out)
    manifest = "".join(f"{row['digest']}  {row['name']}\n" for row in sorted(rows, key=_name))
    rows.append(_file(out, MANIFEST_NAME, manifest.encode()))
    return out.commit(make_table(rows, FILES), [], n_in=len(rows))


def read_manifest(data: bytes) -> dict[str, str]:
    """Return the digests of `MANIFEST.sha256` by file name; of a list cut short, what is there."""
    lines = (line.partition("  ") for line in data.decode(errors="replace").splitlines())
    return {name: digest for digest, _, name in lines}


def _name(row: dict[str, Any]) -> str:
    return str(row["name"])


def _file(out: ArtifactWriter, name: str, data: bytes, **facts: Any) -> dict[str, Any]:
    path, digest = out.put(name, data)
    md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
    return {
        "name": name,
        "path": path,
        "digest": digest,
        "md5": md5,
        "size_bytes": len(data),
    } | facts


def _sample_files(
    sample: Sample, recipe: PublishRecipe, out: ArtifactWriter
) -> Iterable[dict[str, Any]]:
    judged, split = sample
    try:
        pair = encode_sample(*read_sample(judged, out.workspace), recipe.jpeg_quality)
    except ValueError as error:
        raise ValueError(f"{judged.stem} cannot be published: {error}") from error
    facts = {
        "split": split,
        "scenes": json.dumps(judged.source.scenes, ensure_ascii=False),
        "source_id": judged.source.source_id,
        "licence": judged.source.licence,
        "channel": channel_of(sample),
        **origin_of(judged.source),
    }
    yield _file(out, f"img_dir/{split}/{judged.stem}.jpg", pair[0], **facts)
    yield _file(out, f"ann_dir/{split}/{judged.stem}.png", pair[1], **facts)


def channel_of(sample: Sample) -> str:
    """Name who annotated a sample: the machine and its model, or people by way of a data set."""
    matte = sample.judged.matte
    return str(matte["channel"] or f"rembg {matte['model']}") if matte else "none"


def split_lists(samples: Iterable[Sample]) -> dict[str, list[str]]:
    """Return the stems of each split file: `train`, `val`, and one per scene and side."""
    lists: dict[str, list[str]] = defaultdict(list)
    for judged, split in samples:
        lists[split].append(judged.stem)
        for scene in set(judged.source.scenes):
            lists[f"{scene}-{split}"].append(judged.stem)
    return dict(lists)


def _text_files(
    samples: list[Sample], subset: Subset, recipe: PublishRecipe, out: ArtifactWriter
) -> Iterable[dict[str, Any]]:
    lists = split_lists(samples)
    for name, stems in sorted(lists.items()):
        text = "".join(f"{stem}\n" for stem in sorted(stems))
        yield _file(out, f"split_dir/{name}.txt", text.encode())
    facts = _facts(samples, lists, recipe, _same_bytes(samples, subset))
    yield _file(out, "dataset.json", _json(facts))
    environment = jinja2.Environment(autoescape=False, keep_trailing_newline=True)
    for name in ("README.md", "mmseg_config.py"):
        template = files("tasks.publish").joinpath("templates", f"{name}.j2").read_text("utf-8")
        yield _file(out, name, environment.from_string(template).render(**facts).encode())
    done = tuple(outcome for outcome in subset.outcomes if outcome.error is None)
    finished = Subset(done, subset.workspace, subset.bounds)
    yield _file(out, "review.csv", encode_csv(review_table(finished)))
    yield _file(out, "report.html", render_report(finished, title=recipe.name).encode())


def _json(values: Any) -> bytes:
    return json.dumps(values, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"


def _same_bytes(samples: list[Sample], subset: Subset) -> dict[str, list[dict[str, Any]]]:
    """Return, by media, every provenance of samples whose bytes several sources brought."""
    used = {str(sample.judged.crop["media_id"]) for sample in samples}
    providers: dict[str, list[Source]] = defaultdict(list)
    for outcome in subset.outcomes:
        media_id = media_of(outcome, subset.workspace) if outcome.error is None else None
        if media_id in used:
            providers[str(media_id)].append(outcome.source)
    return {
        media_id: [{"source_id": one.source_id, "licence": one.licence} | origin_of(one)
                   for one in sources]
        for media_id, sources in sorted(providers.items())
        if len(sources) > 1
    }  # fmt: skip


def _facts(
    samples: list[Sample],
    lists: dict[str, list[str]],
    recipe: PublishRecipe,
    same_bytes: dict[str, list[dict[str, Any]]],
) -> dict[str, Any]:
    sources = {sample.judged.source.source_id: sample.judged.source for sample in samples}
    return {
        "name": recipe.name,
        "description": recipe.description,
        "classes": ["background", "person"],
        "n_samples": len(samples),
        "splits": {name: len(stems) for name, stems in sorted(lists.items())},
        "mean_size_wh": _mean_size(samples),
        "sources": [
            {
                "source_id": source.source_id,
                "licence": source.licence,
                "attribution": source.attribution,
                **origin_of(source),
            }
            for _, source in sorted(sources.items())
        ],
        "same_bytes": same_bytes,
        "samples": [_sample_facts(sample) for sample in samples],
    }


def _mean_size(samples: list[Sample]) -> list[int]:
    boxes = pd.DataFrame(
        [sample.judged.box_in_crop for sample in samples], columns=["x0", "y0", "x1", "y1"]
    )
    return [
        round(float((boxes["x1"] - boxes["x0"]).mean())),
        round(float((boxes["y1"] - boxes["y0"]).mean())),
    ]


def _sample_facts(sample: Sample) -> dict[str, Any]:
    judged, split = sample
    return {
        "stem": judged.stem,
        "split": split,
        "scenes": list(judged.source.scenes),
        "source_id": judged.source.source_id,
        "media_id": judged.crop["media_id"],
        "time_s": judged.crop["time_s"],
        "crop_box_xyxy": json.loads(judged.crop["crop_box_xyxy"]),
        "box_in_crop_xyxy": judged.box_in_crop,
        "channel": channel_of(sample),
    }
