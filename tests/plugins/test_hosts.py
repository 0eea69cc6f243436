import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from hashtag_retrain.hosts import middlewares


@pytest.fixture
def status_for(monkeypatch):
    """The status of a request to a server with Airflow's middlewares, by the host that the request names."""

    def status(host: str, allowed: str) -> int:
        monkeypatch.setenv("RETRAIN_ALLOWED_HOSTS", allowed)
        found = [Middleware(one["middleware"], *one["args"], **one["kwargs"]) for one in middlewares()]
        server = Starlette(routes=[Route("/", lambda _: PlainTextResponse("ok"))], middleware=found)
        return TestClient(server).get("/", headers={"Host": host}).status_code

    return status


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost"])
def test_a_request_to_one_of_the_names_is_answered(status_for, host):
    assert status_for(host, "127.0.0.1, localhost") == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "www.localhost"])
def test_a_page_that_lets_its_own_name_resolve_to_this_machine_is_refused(status_for, host):
    assert status_for(host, "127.0.0.1,localhost") == 400


def test_without_names_every_host_is_answered(status_for):
    assert status_for("airflow.example", "") == 200
