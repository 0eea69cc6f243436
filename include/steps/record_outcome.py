"""What became of the run: its report, and its state."""

from collections.abc import Mapping
from typing import Any

from include.aws.notify import notify
from include.config.errors import RunFailed
from include.report.document import failed_tasks, subject_of_notice
from include.report.failures import FAILURE, TOLD, describe_failures
from include.steps.reporting import states_of, write_report
from include.steps.workplace import Workplace


def record_outcome(
    hashtag: str, date: str, run_name: str, params: Mapping[str, Any] | None = None, ti: Any = None
) -> dict[str, Any]:
    """Write the run's report, and fail where any task failed: so that the run fails, too."""
    assert params is not None
    place = Workplace.connect(hashtag, date)
    states = states_of(ti)
    # What an earlier attempt returned stays behind when a task is cleared and then skipped: only what succeeded counts.
    results = {task_id: ti.xcom_pull(task_ids=task_id) for task_id, state in states.items() if state == "success"}
    failures = {task_id: ti.xcom_pull(task_ids=task_id, key=FAILURE) for task_id in failed_tasks(states)}
    report = write_report(place, run_name, params, ti, results, failures)
    print(f"{report['outcome']}\nReport: {report['files']['report']}")
    if subject := subject_of_notice(report):
        where = ti.log_url.partition("/tasks/")[0]
        notify(subject, "\n\n".join([*report["summary"], f"Run: {where}", f"Report: {report['url']}"]))
        # Airflow's own callback for failed runs then keeps still.
        ti.xcom_push(key=TOLD, value=ti.get_template_context()["dag_run"].start_date.isoformat())
    if failures:
        raise RunFailed(f"The run failed at {describe_failures(failures)}")
    return {"outcome": report["outcome"], "report": report["files"]["report"]}
