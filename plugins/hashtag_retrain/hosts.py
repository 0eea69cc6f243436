"""The names under which Airflow's API server answers."""

from __future__ import annotations

from typing import Any

from include.config.settings import allowed_hosts


def middlewares() -> list[dict[str, Any]]:
    """
    Airflow's root middlewares: with RETRAIN_ALLOWED_HOSTS, requests to other hosts are refused.

    Where Airflow has no login, a web page could otherwise let its own name resolve to this machine (DNS rebinding) and
    so use Airflow's API as if it were Airflow's page.
    """
    hosts = allowed_hosts()
    if not hosts:
        return []
    from starlette.middleware.trustedhost import TrustedHostMiddleware  # in the API server alone

    arguments = {"allowed_hosts": hosts, "www_redirect": False}
    return [{"name": "Allowed hosts", "middleware": TrustedHostMiddleware, "args": [], "kwargs": arguments}]
