"""
The routes of the page. Airflow guards nothing below a plugin's prefix, so the application asks for login and rights.
"""

from __future__ import annotations

import secrets
from typing import Annotated

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_asset, requires_access_dag
from fastapi import Depends, FastAPI, status
from fastapi.responses import HTMLResponse

from hashtag_retrain.page.hashtags import DATES_OF_HASHTAG, DATES_OF_OVERVIEW, load
from hashtag_retrain.page.rendering import render

ENTITIES = (DagAccessEntity.RUN, DagAccessEntity.TASK_INSTANCE, DagAccessEntity.XCOM, DagAccessEntity.HITL_DETAIL)
"""What the page shows of a DAG, beside the DAG itself."""

# Dependencies of the whole application, so that no route is forgotten: without a login they answer 401, and without the
# rights 403. They check the rights for the DAG in the path, or for any DAG if there is none.
app = FastAPI(
    docs_url=None,
    redoc_url=None,
    openapi_url=None,
    dependencies=[
        Depends(requires_access_dag("GET")),
        *(Depends(requires_access_dag("GET", entity)) for entity in ENTITIES),
        Depends(requires_access_asset("GET")),
    ],
)


def readable_dags(user: GetUserDep) -> set[str]:
    """
    The ids of the DAGs that the user may read. Airflow's own ReadableDagsFilterDep looks for the auth manager in the
    application's state, which a mounted application does not share.
    """
    found: set[str] = get_auth_manager().get_authorized_dag_ids(user=user, method="GET")
    return found


ReadableDags = Annotated[set[str], Depends(readable_dags)]


@app.get("/", response_class=HTMLResponse)
def overview(readable: ReadableDags, session: SessionDep) -> HTMLResponse:
    """All hashtags that the user may read."""
    return _page("overview.html.jinja", hashtags=load(session, readable, DATES_OF_OVERVIEW), dates=DATES_OF_OVERVIEW)


@app.get("/{dag_id}", response_class=HTMLResponse)
def hashtag(dag_id: str, readable: ReadableDags, session: SessionDep, run_id: str | None = None) -> HTMLResponse:
    """One hashtag, with more dates, and with its last run or another one."""
    found = load(session, readable & {dag_id}, DATES_OF_HASHTAG, run_id)
    if not found:
        return _page("no-hashtag.html.jinja", status.HTTP_404_NOT_FOUND, dag_id=dag_id)
    return _page("hashtag.html.jinja", hashtag=found[0], dates=DATES_OF_HASHTAG, run_id=run_id)


def _page(template: str, status_code: int = status.HTTP_200_OK, **values: object) -> HTMLResponse:
    nonce = secrets.token_urlsafe(16)
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-{nonce}'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'self'"
    )
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store"}
    return HTMLResponse(render(template, nonce=nonce, **values), status_code, headers)
