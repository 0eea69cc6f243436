"""Links on tasks in Airflow's UI. Each task stores the address in an XCom as soon as it knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseOperatorLink
from airflow.sdk.execution_time.xcom import XCom

from include.aws.console import LOG, PAGE
from include.steps.reporting import REPORT_URL

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey


class _StoredLink(BaseOperatorLink):
    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        url: str | None = XCom.get_value(ti_key=ti_key, key=self.xcom_key)
        return url or ""


class ReportLink(_StoredLink):
    """A link to the run's report."""

    name = "Report"
    xcom_key = REPORT_URL


class TrainingJobLink(_StoredLink):
    """A link to the training job in AWS's console, or on the local AWS's page; so are the next ones."""

    name = "Training job"
    xcom_key = PAGE


class TuningJobLink(_StoredLink):
    name = "Tuning job"
    xcom_key = PAGE


class TrainingLogLink(_StoredLink):
    """A link to the training job's log in CloudWatch."""

    name = "Log of the training job"
    xcom_key = LOG


class TweetsLink(_StoredLink):
    """A link to the folder of the labelled tweets in S3's console; so is the next one."""

    name = "Labelled tweets"
    xcom_key = PAGE


class PreparedDataLink(_StoredLink):
    name = "Prepared dataset"
    xcom_key = PAGE


class ModelRegistryLink(_StoredLink):
    name = "Model registry"
    xcom_key = PAGE


class EndpointLink(_StoredLink):
    name = "Endpoint"
    xcom_key = PAGE
