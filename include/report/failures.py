"""Messages of failed tasks, for the run's report and for notices."""

from collections.abc import Mapping

from include.config.permissions import advice
from include.config.printable import printable

FAILURE = "failure"
"""XCom key of a failed task's message."""
TOLD = "told"
"""XCom key of the record that a notice about the failed run was sent. The value is the start date of the run."""
ATTEMPTS = "attempts"
"""XCom key of a run's jobs that did not complete. A task's result uses the same key for them."""
MAX_CHARACTERS = 1000
NO_MESSAGE = (
    "it left no message: Airflow ended it (its worker died, it timed out, or the scheduler lost it), or a person "
    "marked it as failed"
)


def words_of(error: BaseException) -> str:
    """
    An error's message in one line, shortened. Python's own errors get their type, without which they say little, and
    AWS's refusals the statement that is missing in a policy.
    """
    words = printable(" ".join(str(error).split())) or type(error).__name__
    added = advice(words)
    if type(error).__module__ == "builtins":
        words = f"{type(error).__name__}: {words}"
    if len(words) > MAX_CHARACTERS:
        words = words[: MAX_CHARACTERS - 1] + "…"
    return f"{words}. {added}" if added else words


def describe_failures(failures: Mapping[str, str | None]) -> str:
    """
    Name the failed tasks and their messages in one line.

    :param failures: messages by task id; None if a task has left no message
    """
    return "; ".join(f"{task_id}: {message or NO_MESSAGE}" for task_id, message in failures.items())
