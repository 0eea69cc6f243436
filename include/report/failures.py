"""What a failed task says of itself, for the run's report and for the notice."""

from collections.abc import Mapping

FAILURE = "failure"
"""Key of the XCom in which a failed task leaves its message."""
TOLD = "told"
"""Key of the XCom of the task that has told somebody of the failed run: when the run, this time, began."""
ATTEMPTS = "attempts"
"""Key of the XCom, and of the part of a result, with a run's jobs that did not complete."""
MAX_CHARACTERS = 1000
NO_MESSAGE = (
    "it left no message: Airflow ended it (its worker died, its time ran out, or the scheduler lost it), or a person "
    "marked it as failed"
)


def words_of(error: BaseException) -> str:
    """An error as people read it, shortened."""
    words = " ".join(str(error).split()) or type(error).__name__
    if type(error).__module__ == "builtins":  # whose text alone says little
        words = f"{type(error).__name__}: {words}"
    return words if len(words) <= MAX_CHARACTERS else words[: MAX_CHARACTERS - 1] + "…"


def describe_failures(failures: Mapping[str, str | None]) -> str:
    """Which tasks failed, and why, in one line; by the tasks' ids, and None where a task has left no message."""
    return "; ".join(f"{task_id}: {message or NO_MESSAGE}" for task_id, message in failures.items())
