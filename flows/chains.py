"""One chain of tasks per source, a few chains at a time."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from prefect import Task
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture

from tasks.common.recipe import Recipe
from tasks.common.records import Source, SourceOutcome, Stage, StageResult
from tasks.detect.task import detect
from tasks.download.task import download
from tasks.filter.task import filter_verdicts, screen
from tasks.matte.task import matte
from tasks.pose.task import pose
from tasks.sample.task import sample

Chain = dict[Stage, PrefectFuture[StageResult]]
STAGES: tuple[Stage, ...] = ("download", "sample", "detect", "pose", "screen", "matte", "filter")


def submit_chain(source: Source, recipe: Recipe, last: Stage = STAGES[-1]) -> Chain:
    """Submit the tasks of one source, up to and with `last`.

    A failure leaves only its own successors not ready. Without a pose model in the recipe there is
    no pose task.
    """
    chain: Chain = {}
    for stage, future in _links(source, recipe):
        if future is not None:
            chain[stage] = future
        if stage == last:
            break
    return chain


def _links(
    source: Source, recipe: Recipe
) -> Iterator[tuple[Stage, PrefectFuture[StageResult] | None]]:
    """Submit one task after the other, as long as somebody asks for the next."""
    media = _submit(download, source, recipe=recipe.download)
    yield "download", media
    frames = _submit(sample, source, media=media, recipe=recipe.sample)
    yield "sample", frames
    crops = _submit(detect, source, frames=frames, recipe=recipe.detect)
    yield "detect", crops
    poses = _submit(pose, source, crops=crops, recipe=recipe.pose) if recipe.pose else None
    yield "pose", poses
    screened = _submit(screen, source, crops=crops, poses=poses, recipe=recipe.filter)
    yield "screen", screened
    mattes = _submit(matte, source, crops=crops, screened=screened, recipe=recipe.matte)
    yield "matte", mattes
    verdicts = _submit(
        filter_verdicts, source, crops=crops, poses=poses, mattes=mattes, recipe=recipe.filter
    )
    yield "filter", verdicts


def judge_again(outcome: SourceOutcome, recipe: Recipe) -> SourceOutcome:
    """Take a source through screening, matting and filtering once more, by another recipe.

    Neither the source nor its frames are read; crops that were matted are not matted again.
    """
    crops = outcome.result("detect")
    if outcome.error is not None or crops is None:
        return outcome
    source, poses = outcome.source, outcome.result("pose")
    screened = _submit(screen, source, crops=crops, poses=poses, recipe=recipe.filter)
    mattes = _submit(matte, source, crops=crops, screened=screened, recipe=recipe.matte)
    verdicts = _submit(
        filter_verdicts, source, crops=crops, poses=poses, mattes=mattes, recipe=recipe.filter
    )
    chain: Chain = {"screen": screened, "matte": mattes, "filter": verdicts}
    judged = outcome_of(source, chain)
    before = tuple(result for result in outcome.stages if result.stage not in chain)
    return judged.model_copy(update={"stages": before + judged.stages})


def _submit(
    task: Task[..., StageResult], source: Source, **inputs: Any
) -> PrefectFuture[StageResult]:
    """Submit one task; inputs may be futures of earlier ones, which Prefect resolves."""
    future: PrefectFuture[StageResult] = task.submit(source=source, **inputs)
    return future


def run_chains(
    sources: Iterable[Source], recipe: Recipe, in_flight: int
) -> Iterator[SourceOutcome]:
    """Yield the outcome of each source in order, with at most `in_flight` chains at work.

    While one source has the model, another decodes; disk and memory stay bounded.
    """
    waiting: deque[tuple[Source, Chain]] = deque()
    for source in sources:
        if len(waiting) == in_flight:
            yield outcome_of(*waiting.popleft())
        waiting.append((source, submit_chain(source, recipe)))
    while waiting:
        yield outcome_of(*waiting.popleft())


def outcome_of(source: Source, chain: Chain) -> SourceOutcome:
    """Wait for a chain; tell how far the source came, and why not farther."""
    done: list[StageResult] = []
    for stage, future in chain.items():
        future.wait()
        if not future.state.is_completed():
            cause = _cause(future.state)
            return SourceOutcome(source=source, stages=tuple(done), error=cause, failed_stage=stage)
        done.append(future.state.result())
    return SourceOutcome(source=source, stages=tuple(done))


def _cause(state: State[Any]) -> str:
    error = state.result(raise_on_failure=False)
    said = str(error) if isinstance(error, BaseException) else (state.message or state.name or "")
    return said.strip() or type(error).__name__
