"""Ports of this machine."""

import socket

from local_stack.errors import StackError

LOOPBACK = "127.0.0.1"


def is_free(port: int) -> bool:
    """Whether no process listens on a port of this machine."""
    try:
        socket.create_server((LOOPBACK, port)).close()
    except OSError:
        return False
    return True


def free_port() -> int:
    """A port of this machine that no process listens on."""
    with socket.create_server((LOOPBACK, 0)) as server:
        port: int = server.getsockname()[1]
    return port


def require_free_port(port: int, variable: str, what: str) -> None:
    """
    :raises StackError: a process listens on the port
    """
    if not is_free(port):
        raise StackError(
            f"Port {port} on {LOOPBACK} is taken, and {what} needs it. Stop the program that uses it, or choose a free "
            f"port: put for example {variable}={port + 10} before your command"
        )
