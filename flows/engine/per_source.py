"""One chain of tasks per source, a few chains at a time."""

from collections.abc import Iterable, Iterator
from queue import SimpleQueue
from typing import Any, TypeVar

from prefect import Task
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture

from tasks.common.recipe.models import Recipe
from tasks.common.records import Source, SourceOutcome, Stage, StageResult
from tasks.detect.task import detect
from tasks.download.task import download
from tasks.filter.task import filter_verdicts, screen
from tasks.matte.task import matte
from tasks.pose.task import pose
from tasks.sample.task import sample

Table = TypeVar("Table", bound=StageResult)
Future = PrefectFuture[Any]  # of a stage's table; typed as such where it is submitted
Link = tuple[Stage, Future]
STAGES: tuple[Stage, ...] = ("download", "sample", "detect", "pose", "screen", "matte", "filter")


def _links(source: Source, recipe: Recipe) -> Iterator[Link]:
    """Submit the tasks of one source, each when somebody asks for it.

    Without a pose model in the recipe there is no pose task.
    """
    media = _submit(download, source, recipe=recipe.download)
    yield "download", media
    frames = _submit(sample, source, media=media, recipe=recipe.sample)
    yield "sample", frames
    crops = _submit(detect, source, frames=frames, recipe=recipe.detect)
    yield "detect", crops
    poses = _submit(pose, source, crops=crops, recipe=recipe.pose) if recipe.pose else None
    if poses is not None:
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
    crops = outcome.crops
    if outcome.error is not None or crops is None:
        return outcome
    source, poses = outcome.source, outcome.poses
    screened = _submit(screen, source, crops=crops, poses=poses, recipe=recipe.filter)
    mattes = _submit(matte, source, crops=crops, screened=screened, recipe=recipe.matte)
    verdicts = _submit(
        filter_verdicts, source, crops=crops, poses=poses, mattes=mattes, recipe=recipe.filter
    )
    chain: list[Link] = [("screen", screened), ("matte", mattes), ("filter", verdicts)]
    judged = _outcome(source, chain)
    again = {stage for stage, _ in chain}
    before = tuple(result for result in outcome.stages if result.stage not in again)
    return judged.model_copy(update={"stages": before + judged.stages})


def _submit(task: Task[..., Table], source: Source, **inputs: Any) -> PrefectFuture[Table]:
    """Submit one task; inputs may be futures of earlier ones, which Prefect resolves."""
    future: PrefectFuture[Table] = task.submit(source=source, **inputs)
    return future


def run_chain(source: Source, recipe: Recipe, last: Stage = STAGES[-1]) -> SourceOutcome:
    """Take one source through the stages up to and with `last`."""
    chain = []
    for stage, future in _links(source, recipe):
        chain.append((stage, future))
        future.wait()
        if stage == last or not future.state.is_completed():
            break
    return _outcome(source, chain)


def run_chains(
    sources: Iterable[Source], recipe: Recipe, in_flight: int
) -> Iterator[SourceOutcome]:
    """Yield the outcome of each source as it is done, with at most `in_flight` of them at work.

    While one source has the model, another decodes; disk and memory stay bounded. A task is
    submitted when the one before it has completed, so that a failure leaves no tasks behind that
    never ran.
    """
    ended: SimpleQueue[_Chain] = SimpleQueue()
    waiting = iter(sources)
    at_work = 0
    while True:
        while at_work < in_flight and (source := next(waiting, None)) is not None:
            at_work += _Chain(source, recipe, ended).go_on()
        if not at_work:
            return
        chain = ended.get()
        if not chain.go_on():
            at_work -= 1
            yield _outcome(chain.source, chain.done)


def in_order(
    sources: Iterable[Source], outcomes: Iterable[SourceOutcome]
) -> tuple[SourceOutcome, ...]:
    """Bring outcomes into the order of the list, on which what is published depends."""
    found = {outcome.source.source_id: outcome for outcome in outcomes}
    return tuple(found[source.source_id] for source in sources)


class _Chain:
    """The tasks of one source so far; it puts itself into `ended` whenever its last has ended."""

    def __init__(self, source: Source, recipe: Recipe, ended: "SimpleQueue[_Chain]"):
        self.source = source
        self.done: list[Link] = []
        self._links = _links(source, recipe)
        self._ended = ended

    def go_on(self) -> bool:
        """Submit the next task; say whether there was one."""
        if self.done and not _completed(self.done[-1][1]):
            return False
        link = next(self._links, None)
        if link is None:
            return False
        self.done.append(link)
        link[1].add_done_callback(lambda _: self._ended.put(self))
        return True


def _completed(future: Future) -> bool:
    future.wait()
    return future.state.is_completed()


def _outcome(source: Source, chain: Iterable[Link]) -> SourceOutcome:
    """Tell how far a source came, and why not farther."""
    done: list[StageResult] = []
    for stage, future in chain:
        if not _completed(future):
            cause = _cause(future.state)
            return SourceOutcome(source=source, stages=tuple(done), error=cause, failed_stage=stage)
        done.append(future.state.result())
    return SourceOutcome(source=source, stages=tuple(done))


def _cause(state: State[Any]) -> str:
    error = state.result(raise_on_failure=False)
    said = str(error) if isinstance(error, BaseException) else (state.message or state.name or "")
    return said.strip() or type(error).__name__
