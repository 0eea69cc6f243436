import json

import pytest
from airflow.api_fastapi.core_api.datamodels.dag_run import TriggerDAGRunPostBody
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from hashtag_retrain.run_ids import middlewares, request_with_run_id

RUNS = "/api/v2/dags/retrain_aws/dagRuns"
DATED = {"logical_date": None, "conf": {"date": "2026-01-07", "tune": True}}


async def _echo(request: Request) -> Response:
    return Response(await request.body(), headers={"X-Length": request.headers["content-length"]})


@pytest.fixture(scope="module")
def airflow():
    """What a server with Airflow's middlewares gets."""
    found = [Middleware(one["middleware"], *one["args"], **one["kwargs"]) for one in middlewares()]
    return TestClient(Starlette(routes=[Route("/{path:path}", _echo, methods=["POST", "PATCH"])], middleware=found))


@pytest.mark.parametrize("no_id", [{}, {"dag_run_id": None}, {"dag_run_id": ""}])
@pytest.mark.parametrize("path", [RUNS, "/behind/a/proxy" + RUNS, RUNS + "/"])
def test_the_id_of_a_run_that_is_triggered_with_a_date_contains_it(airflow, path, no_id):
    answer = airflow.post(path, json={**DATED, **no_id})

    found = answer.json()
    assert found.pop("dag_run_id").startswith("manual__2026-01-07__triggered_20")
    assert found == DATED
    assert int(answer.headers["X-Length"]) == len(answer.content)
    TriggerDAGRunPostBody.model_validate_json(answer.content)


@pytest.mark.parametrize(
    "request_",
    [
        {**DATED, "dag_run_id": "mine"},
        {"conf": {"date": ""}},
        {"conf": {"date": None}},
        {"conf": {"date": "7.1.2026"}},
        {"conf": {"date": ["2026-01-07"]}},
        {"conf": None},
        {},
    ],
)
def test_a_request_with_an_id_or_without_a_date_stays_as_it_is(airflow, request_):
    assert airflow.post(RUNS, json=request_).json() == request_


@pytest.mark.parametrize(
    "path", ["/api/v2/dags/other/dagRuns", RUNS + "/list", RUNS + "/mine", "/api/v2/assets/1/materialize"]
)
def test_other_requests_stay_as_they_are(airflow, path):
    assert airflow.post(path, json=DATED).json() == DATED


def test_other_methods_stay_as_they_are(airflow):
    assert airflow.patch(RUNS, json=DATED).json() == DATED


@given(
    st.one_of(
        st.binary(),
        st.text().map(str.encode),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["conf", "date", "dag_run_id"]), inner),
        ).map(lambda found: json.dumps(found).encode()),
    )
)
def test_a_body_that_is_no_request_stays_as_it_is(body):
    assert request_with_run_id(body) == body


def test_a_deeply_nested_body_stays_as_it_is():
    body = b"[" * 200_000
    assert request_with_run_id(body) == body
