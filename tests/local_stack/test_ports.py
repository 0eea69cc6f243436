import socket

import pytest

from local_stack.errors import StackError
from local_stack.ports import LOOPBACK, free_port, is_free, require_free_port


def test_a_port_that_something_listens_on_is_taken_and_the_error_says_what_to_do():
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        assert not is_free(port)
        with pytest.raises(StackError, match=rf"Port {port} .*put for example AIRFLOW_PORT={port + 10} before"):
            require_free_port(port, "AIRFLOW_PORT", "Airflow")


def test_a_free_port_is_free():
    require_free_port(free_port(), "AIRFLOW_PORT", "Airflow")
