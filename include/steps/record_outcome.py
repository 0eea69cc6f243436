"""Complete the report of the run, and fail if one of its tasks failed."""

from collections.abc import Mapping, Sequence
from typing import Any

from include.aws.notify import notify
from include.config.errors import RunFailed
from include.config.printable import printable
from include.report.document import subject_of_notice
from include.report.failures import TOLD, describe_failures
from include.steps.reporting import write_report
from include.steps.workplace import Workplace


def record_outcome(
    hashtag: str, date: str, run_name: str, params: Mapping[str, Any] | None = None, ti: Any = None
) -> dict[str, Any]:
    """Write the run's report, and send a notice if one is needed. If any task failed, fail, so that the run fails."""
    assert params is not None
    report = write_report(Workplace.connect(hashtag, date), run_name, params, ti)
    print(printable(f"{report['outcome']}\nReport: {report['files']['report']}"))
    if subject := subject_of_notice(report):
        where = ti.log_url.partition("/tasks/")[0]
        notify(subject, "\n\n".join([*report["summary"], f"Run: {where}", f"Report: {report['url']}"]))
        # So the callback for failed runs does not send another notice.
        ti.xcom_push(key=TOLD, value=ti.get_template_context()["dag_run"].start_date.isoformat())
    if report["failures"]:
        raise RunFailed(f"The run failed at {describe_failures(report['failures'])}")
    return {
        **{name: report[name] for name in ("status", "outcome")},
        **_figures(report["evaluation"]),
        "champion": _champion(report["history"]),
        "live": _live(report["promotion"]),
        "report": report["files"]["report"],
        "report_url": report["url"],
    }


def _figures(evaluation: Mapping[str, Any] | None) -> dict[str, Any]:
    """Of the model on the test split; each is None without an evaluation."""
    found = evaluation or {}
    return {
        **{name: found.get(name) for name in ("accuracy", "accuracy_interval", "majority_accuracy")},
        "test_tweets": found.get("tweets"),
    }


def _live(promotion: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What the live endpoint serves after this run; None if the run had nothing to do with it."""
    names = ("endpoint_name", "serving_version", "status")
    return {name: promotion[name] for name in names} if promotion else None


def _champion(history: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The champion's entry in the history, in short; None if there is no champion, or none that this product made."""
    champion = next((entry for entry in history if entry["champion"]), None)
    return {name: champion[name] for name in ("version", "date", "accuracy", "accuracy_interval")} if champion else None
