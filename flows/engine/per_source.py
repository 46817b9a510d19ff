"""One pipeline of tasks per source, a few pipelines at a time."""

from collections.abc import Iterable, Iterator
from queue import SimpleQueue
from typing import Any, TypeVar

from prefect import Task
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture

from tasks.annotate.task import correct, has_corrections
from tasks.common.recipe.models import Recipe
from tasks.common.records import (
    SOURCE_STAGES,
    MattesTable,
    Source,
    SourceOutcome,
    SourceStage,
    StageResult,
)
from tasks.common.workspace.decisions import DecisionSet
from tasks.detect.task import detect
from tasks.download.task import download
from tasks.filter.task import decisions_on_media, filter_verdicts, screen
from tasks.matte.task import matte
from tasks.pose.task import pose
from tasks.sample.task import sample

Table = TypeVar("Table", bound=StageResult)
Future = PrefectFuture[Any]  # of a stage's table; typed as such where it is submitted
Submission = tuple[SourceStage, Future]


def _submit_stages(source: Source, recipe: Recipe) -> Iterator[Submission]:
    """Submit the tasks of one source lazily: each one when the caller asks for the next item.

    Without a pose model in the recipe there is no pose task.
    """
    media = _submit(download, source, recipe=recipe.download)
    yield "download", media
    frames = _submit(sample, source, media=media, recipe=recipe.sample)
    yield "sample", frames
    crops = _submit(detect, source, frames=frames, recipe=recipe.detect, sphere=recipe.sphere)
    yield "detect", crops
    poses = _submit(pose, source, crops=crops, recipe=recipe.pose) if recipe.pose else None
    if poses is not None:
        yield "pose", poses
    # Read once, so that screening and filtering apply the same ones.
    decisions = decisions_on_media(media.result())
    screened = _submit(
        screen, source, crops=crops, poses=poses, recipe=recipe.filter, decisions=decisions
    )
    yield "screen", screened
    mattes = _submit(
        matte, source, crops=crops, screened=screened, recipe=recipe.matte, poses=poses
    )
    yield "matte", mattes
    # Most sources have no corrections, and a task that does nothing would delay each of them. Its
    # download has completed: this stage was asked for.
    corrected = (
        _submit(correct, source, media=media, crops=crops, mattes=mattes, recipe=recipe.matte)
        if has_corrections(media.result())
        else mattes
    )
    if corrected is not mattes:
        yield "correct", corrected
    verdicts = _submit(
        filter_verdicts,
        source,
        crops=crops,
        poses=poses,
        mattes=corrected,
        recipe=recipe.filter,
        decisions=decisions,
    )
    yield "filter", verdicts


def rejudge_source(outcome: SourceOutcome, recipe: Recipe) -> SourceOutcome:
    """Take a source through screening, matting and filtering once more, by another recipe.

    Neither the source nor its frames are read. Mattes are stored by content, so only crops that
    have none yet are matted.
    """
    crops = outcome.crops
    if outcome.error is not None or crops is None:
        return outcome
    source, poses, decisions = outcome.source, outcome.poses, decisions_on_media(outcome.media)
    screened = _submit(
        screen, source, crops=crops, poses=poses, recipe=recipe.filter, decisions=decisions
    )
    mattes = _submit(
        matte, source, crops=crops, screened=screened, recipe=recipe.matte, poses=poses
    )
    before: list[Submission] = [("screen", screened), ("matte", mattes)]
    return _judge_again(outcome, mattes, recipe, decisions, before)


def apply_people(outcome: SourceOutcome, recipe: Recipe) -> SourceOutcome:
    """Apply the corrections and decisions that came since a source was filtered.

    Unchanged where there are none, and where the filter saw them all. No model runs, unless a
    decision admits a crop that was never matted: that one is.
    """
    crops, matted = outcome.crops, outcome.result("matte")
    if outcome.error is not None or crops is None or matted is None:
        return outcome
    decisions = decisions_on_media(outcome.media)
    if decisions.were_made:
        before = _admit_again(outcome, recipe, decisions)
        mattes = before[-1][1] if before else MattesTable(matted)
        return _judge_again(outcome, mattes, recipe, decisions, before)
    if outcome.result("correct") is None and not _is_corrected(outcome):
        return outcome
    return _judge_again(outcome, MattesTable(matted), recipe, decisions, [])


def _admit_again(
    outcome: SourceOutcome, recipe: Recipe, decisions: DecisionSet
) -> list[Submission]:
    """Screen a source with the decisions on it; matte it again only if that admits other crops."""
    source, crops, poses = outcome.source, outcome.crops, outcome.poses
    screened = _submit(
        screen, source, crops=crops, poses=poses, recipe=recipe.filter, decisions=decisions
    )
    before = outcome.admitted
    if before and _is_completed(screened) and screened.result().digest == before.digest:
        return []
    mattes = _submit(
        matte, source, crops=crops, screened=screened, recipe=recipe.matte, poses=poses
    )
    return [("screen", screened), ("matte", mattes)]


def _judge_again(
    outcome: SourceOutcome,
    mattes: PrefectFuture[MattesTable] | MattesTable,
    recipe: Recipe,
    decisions: DecisionSet,
    before: list[Submission],
) -> SourceOutcome:
    """Correct and filter the mattes of a source; `before` are the tasks that make them again."""
    source = outcome.source
    submissions, corrected = before, mattes
    if _is_corrected(outcome):
        corrected = _submit(
            correct,
            source,
            media=outcome.media,
            crops=outcome.crops,
            mattes=mattes,
            recipe=recipe.matte,
        )
        submissions = [*submissions, ("correct", corrected)]
    verdicts = _submit(
        filter_verdicts,
        source,
        crops=outcome.crops,
        poses=outcome.poses,
        mattes=corrected,
        recipe=recipe.filter,
        decisions=decisions,
    )
    judged = _outcome(source, [*submissions, ("filter", verdicts)])
    # Earlier stages keep their results: bounds do not enter their keys.
    replaced = {stage for stage, _ in before} | {"correct", "filter"}
    reused = tuple(result for result in outcome.stages if result.stage not in replaced)
    return judged.model_copy(update={"stages": reused + judged.stages})


def _is_corrected(outcome: SourceOutcome) -> bool:
    return outcome.media is not None and has_corrections(outcome.media)


def _submit(task: Task[..., Table], source: Source, **inputs: Any) -> PrefectFuture[Table]:
    """Submit one task; inputs may be futures of earlier tasks, which Prefect resolves."""
    future: PrefectFuture[Table] = task.submit(source=source, **inputs)
    return future


def run_pipeline(
    source: Source, recipe: Recipe, last: SourceStage = SOURCE_STAGES[-1]
) -> SourceOutcome:
    """Take one source through the stages up to and including `last`."""
    submissions: list[Submission] = []
    for stage, future in _submit_stages(source, recipe):
        submissions.append((stage, future))
        # The generator submits a stage only when it is asked for the next item, so breaking here
        # leaves the rest unsubmitted.
        if not _is_completed(future) or stage == last:
            break
    return _outcome(source, submissions)


def run_pipelines(
    sources: Iterable[Source], recipe: Recipe, in_flight: int
) -> Iterator[SourceOutcome]:
    """Yield the outcome of each source as its pipeline ends; at most `in_flight` run at a time.

    While one source occupies the model, another one decodes; the limit bounds disk and memory. A
    task is submitted only when its predecessor has completed: tasks behind a failed one would never
    run, but fill Prefect's UI and log (docs/decisions/0014).
    """
    # One queue for all pipelines, so that this thread sleeps until whichever task ends first.
    ended: SimpleQueue[_Pipeline] = SimpleQueue()
    waiting = iter(sources)
    n_running = 0
    while True:
        # `submit_next` is True for a source's first task, always: the sum counts running pipelines.
        while n_running < in_flight and (source := next(waiting, None)) is not None:
            n_running += _Pipeline(source, recipe, ended).submit_next()
        if not n_running:
            return
        pipeline = ended.get()
        if not pipeline.submit_next():
            n_running -= 1
            yield _outcome(pipeline.source, pipeline.submissions)


def in_list_order(
    sources: Iterable[Source], outcomes: Iterable[SourceOutcome]
) -> tuple[SourceOutcome, ...]:
    """Sort outcomes by the source list, since the content of a version depends on their order."""
    by_id = {outcome.source.source_id: outcome for outcome in outcomes}
    # KeyError rather than a gap: every source must have an outcome.
    return tuple(by_id[source.source_id] for source in sources)


class _Pipeline:
    """The submitted tasks of one source; puts itself into `ended` each time its newest task ends.

    Only the thread that reads `ended` calls its method, so there is nothing to lock.
    """

    def __init__(self, source: Source, recipe: Recipe, ended: "SimpleQueue[_Pipeline]"):
        self.source = source
        self.submissions: list[Submission] = []
        self._stages = _submit_stages(source, recipe)
        self._ended = ended

    def submit_next(self) -> bool:
        """Submit the next task; False if the last one failed or none is left."""
        if self.submissions and not _is_completed(self.submissions[-1][1]):
            return False
        submission = next(self._stages, None)
        if submission is None:
            return False
        self.submissions.append(submission)
        # Called at once if the future is done already, as with a cached result.
        submission[1].add_done_callback(lambda _: self._ended.put(self))
        return True


def _is_completed(future: Future) -> bool:
    future.wait()  # before that, `state` is the state at submission
    return future.state.is_completed()


def _outcome(source: Source, submissions: Iterable[Submission]) -> SourceOutcome:
    """Return the results of a source's stages, up to the first that failed, with its error."""
    results: list[StageResult] = []
    for stage, future in submissions:
        if not _is_completed(future):
            return SourceOutcome(
                source=source,
                stages=tuple(results),
                error=_cause(future.state),
                failed_stage=stage,
            )
        results.append(future.state.result())
    return SourceOutcome(source=source, stages=tuple(results))


def _cause(state: State[Any]) -> str:
    """Return why a task failed; of an exception without a text, its class."""
    error = state.result(raise_on_failure=False)
    # A failed state may have no exception, only a message.
    message = str(error) if isinstance(error, BaseException) else state.message or state.name or ""
    return message.strip() or type(error).__name__
