"""Airflow's API server on the tests' database, with users of different rights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from include.config.names import dag_id_of
from tests.plugins.page.rows import Rows


@pytest.fixture(scope="session")
def api_server(airflow_database: None) -> Iterator[Any]:
    """Airflow's whole application, as `airflow api-server` runs it."""
    from airflow.api_fastapi.app import cached_app, purge_cached_app

    purge_cached_app()
    yield cached_app()
    purge_cached_app()


@pytest.fixture
def as_user(api_server: Any) -> Callable[..., Any]:
    """HTTP clients of users with a role of Airflow's simple auth manager, or without one or a login."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from fastapi.testclient import TestClient

    def client(role: str | None = "VIEWER", is_logged_in: bool = True) -> Any:
        found = TestClient(api_server, follow_redirects=False)
        if is_logged_in:
            token = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username="somebody", role=role))
            found.cookies.set("_token", token)
        return found

    return client


@pytest.fixture(autouse=True)
def _only_dags_of_the_page_tests(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests of the same process leave DAGs of hashtags in the database, which the page would show as well."""
    if "api_server" not in request.fixturenames:  # it takes seconds to make
        return
    from airflow.api_fastapi.app import get_auth_manager

    manager = type(get_auth_manager())
    readable = manager.get_authorized_dag_ids

    def only(self: Any, **options: Any) -> set[str]:
        return {dag_id for dag_id in readable(self, **options) if dag_id.startswith(dag_id_of("page_"))}

    monkeypatch.setattr(manager, "get_authorized_dag_ids", only)


@pytest.fixture
def rows(airflow_database: None) -> Iterator[Rows]:
    """Adds rows, which the requests of the test see, and which are removed after it."""
    from airflow.utils.session import create_session

    with create_session(scoped=False) as session:
        found = _Committing(session)
        yield found
        session.rollback()
        found.remove()


class _Committing(Rows):
    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if not name.startswith("add_"):
            return found

        def call(*arguments: Any, **options: Any) -> Any:
            result = found(*arguments, **options)
            self.session.commit()
            return result

        return call


@pytest.fixture
def may_read(api_server: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Lets users read a single DAG, as auth managers with rights for each DAG do."""
    from airflow.api_fastapi.app import get_auth_manager

    def only(dag_id: str) -> None:
        manager = type(get_auth_manager())

        def is_authorized(self: Any, *, method: str, user: Any, details: Any = None, **_: Any) -> bool:
            return details is None or details.id in {None, dag_id}

        monkeypatch.setattr(manager, "is_authorized_dag", is_authorized)
        monkeypatch.setattr(manager, "filter_authorized_dag_ids", lambda self, *, dag_ids, **_: {dag_id} & dag_ids)
        monkeypatch.setattr(manager, "get_authorized_dag_ids", lambda self, **_: {dag_id})

    return only
