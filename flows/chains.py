"""One chain of tasks per source, a few chains at a time."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from prefect.futures import PrefectFuture
from prefect.states import State

from tasks.common.recipe import Recipe
from tasks.common.records import Source, SourceOutcome, Stage, StageResult
from tasks.detect.task import detect
from tasks.download.task import download
from tasks.filter.task import filter_verdicts, screen
from tasks.matte.task import matte
from tasks.sample.task import sample

Chain = dict[Stage, PrefectFuture[StageResult]]
STAGES: tuple[Stage, ...] = ("download", "sample", "detect", "screen", "matte", "filter")


def submit_chain(source: Source, recipe: Recipe) -> Chain:
    """Submit the six tasks of one source; a failure leaves only its own successors not ready."""
    media = download.submit(source=source, recipe=recipe.download)
    frames = sample.submit(source=source, media=media, recipe=recipe.sample)  # type: ignore[arg-type]
    crops = detect.submit(source=source, frames=frames, recipe=recipe.detect)  # type: ignore[arg-type]
    screened = screen.submit(source=source, crops=crops, recipe=recipe.filter)  # type: ignore[arg-type]
    mattes = matte.submit(source=source, crops=crops, screened=screened, recipe=recipe.matte)  # type: ignore[arg-type]
    verdicts = filter_verdicts.submit(
        source=source, crops=crops, mattes=mattes, recipe=recipe.filter  # type: ignore[arg-type]
    )  # fmt: skip
    return dict(zip(STAGES, (media, frames, crops, screened, mattes, verdicts), strict=True))


def run_chains(
    sources: Iterable[Source], recipe: Recipe, in_flight: int
) -> Iterator[SourceOutcome]:
    """Yield the outcome of each source in order, with at most `in_flight` chains at work.

    While one source has the model, another decodes; disk and memory stay bounded.
    """
    waiting: deque[tuple[Source, Chain]] = deque()
    for source in sources:
        if len(waiting) == in_flight:
            yield _outcome(*waiting.popleft())
        waiting.append((source, submit_chain(source, recipe)))
    while waiting:
        yield _outcome(*waiting.popleft())


def _outcome(source: Source, chain: Chain) -> SourceOutcome:
    done: list[StageResult] = []
    for stage, future in chain.items():
        future.wait()
        if not future.state.is_completed():
            cause = _cause(future.state)
            return SourceOutcome(
                source=source, stages=tuple(done), error=cause, failed_stage=stage
            )
        done.append(future.state.result())
    return SourceOutcome(source=source, stages=tuple(done))


def _cause(state: State[Any]) -> str:
    error = state.result(raise_on_failure=False)
    said = str(error) if isinstance(error, BaseException) else (state.message or state.name or "")
    return said.strip() or type(error).__name__
