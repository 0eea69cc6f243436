"""OpenLineage's events, as its client's file transport writes them."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


@contextmanager
def emitted(folder: Path) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Let tasks emit events, as Airflow's provider does where a transport is configured. Yields what reads them."""
    from airflow.providers.openlineage import conf
    from airflow.providers.openlineage.plugins import openlineage  # noqa: F401 (which registers nothing without one)
    from airflow.providers.openlineage.plugins.listener import get_openlineage_listener
    from airflow.sdk.listener import get_listener_manager

    file = folder / "openlineage.jsonl"
    cached = [member for member in vars(conf).values() if hasattr(member, "cache_clear")]
    transport = {"type": "file", "log_file_path": str(file), "append": True}

    def forget() -> None:
        for function in [*cached, get_openlineage_listener]:
            function.cache_clear()

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__OPENLINEAGE__TRANSPORT", json.dumps(transport))
        patch.setenv("AIRFLOW__OPENLINEAGE__EXECUTE_IN_THREAD", "True")  # instead of forks of the tests' process
        forget()
        listener, manager = get_openlineage_listener(), get_listener_manager()
        manager.add_listener(listener)
        file.touch()
        yield lambda: [json.loads(line) for line in file.read_text().splitlines()]
        manager.pm.unregister(listener)
    forget()
