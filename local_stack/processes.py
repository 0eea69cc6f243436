"""Find, signal and kill processes together with their descendants."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from typing import NamedTuple

import psutil

SECONDS_TO_DIE = 10


class _Living(NamedTuple):
    """A process that is alive."""

    process: psutil.Process
    pid: int
    parent: int
    session: int
    """The PID of the process that leads the session."""

    def is_below(self, pids: set[int], sessions: set[int]) -> bool:
        return self.pid in pids or self.parent in pids or self.session in sessions


def tree(root: int) -> list[psutil.Process]:
    """
    The living processes of the session that `root` leads, `root` first, with all their descendants. Some descendants
    lead sessions of their own: PostgreSQL's and Airflow's tasks.
    """
    living = sorted(_living(), key=lambda one: one.pid != root)
    members: list[psutil.Process] = []
    pids, sessions = {root}, {root}
    while found := [one for one in living if one.process not in members and one.is_below(pids, sessions)]:
        members += [one.process for one in found]
        pids |= {one.pid for one in found}
        sessions |= {one.pid for one in found if one.session == one.pid}
    return members


def open_to_others(processes: Iterable[psutil.Process]) -> list[str]:
    """The sockets on which processes listen beyond the loopback interface, as ``name on address:port``."""
    found = []
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            name = process.name()
            found += [
                f"{name} on {connection.laddr.ip}:{connection.laddr.port}"
                for connection in process.net_connections(kind="inet")
                if connection.status == psutil.CONN_LISTEN and not ip_address(connection.laddr.ip).is_loopback
            ]
    return found


def kill_tree(process: subprocess.Popen[bytes]) -> None:
    """
    Send SIGKILL to a process that leads a session, and then to all its descendants. Wait until they have ended.

    The leader is first: a local AWS that outlived its models for a millisecond would answer that they were killed.
    """
    deadline = time.monotonic() + SECONDS_TO_DIE
    while (members := _members(process)) and time.monotonic() < deadline:
        send(signal.SIGKILL, members)
        process.poll()
        psutil.wait_procs(members, timeout=0.2)


def _members(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    if process.poll() is None:
        return tree(process.pid)
    # The PID of an ended process may be used again, but not while its session has members.
    return [one.process for one in _living() if one.session == process.pid]


def _living() -> list[_Living]:
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError):
            if process.status() != psutil.STATUS_ZOMBIE:
                found.append(_Living(process, process.pid, process.ppid(), os.getsid(process.pid)))
    return found


def send(number: int, members: Iterable[psutil.Process]) -> None:
    """Send a signal to processes. Those that have ended are skipped."""
    for member in members:
        with suppress(psutil.Error):
            member.send_signal(number)


@contextmanager
def interruptions_ignored() -> Iterator[None]:
    """Ignore Ctrl-C and similar signals for a while. Processes that are started meanwhile ignore them, too."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
