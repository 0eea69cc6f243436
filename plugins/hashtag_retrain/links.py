"""Links on tasks in Airflow's UI."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseOperatorLink
from airflow.sdk.execution_time.xcom import XCom

from include.steps.reporting import REPORT_URL

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey


class ReportLink(BaseOperatorLink):
    """A link to the run's report. The task has stored the report's address in an XCom."""

    name = "Report"
    xcom_key = REPORT_URL

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        url: str | None = XCom.get_value(ti_key=ti_key, key=REPORT_URL)
        return url or ""
