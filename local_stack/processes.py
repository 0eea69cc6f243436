"""Processes of this machine, with all that they start."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress

import psutil

SECONDS_TO_DIE = 10


def tree(root: int) -> set[psutil.Process]:
    """
    The living processes of a session that `root` leads, with all descendants, also those in sessions of their own
    (PostgreSQL's, and Airflow's tasks).
    """
    parents: dict[psutil.Process, int] = {}
    sessions: dict[psutil.Process, int] = {}
    for process in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError):
            if process.status() != psutil.STATUS_ZOMBIE:
                parents[process] = process.ppid()
                sessions[process] = os.getsid(process.pid)
    members: set[psutil.Process] = set()
    pids, led = {root}, {root}
    while True:
        found = {
            process
            for process in parents
            if process not in members and (process.pid in pids or parents[process] in pids or sessions[process] in led)
        }
        if not found:
            return members
        members |= found
        pids |= {process.pid for process in found}
        led |= {process.pid for process in found if sessions[process] == process.pid}


def kill_tree(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL to a process that leads a session, with all that it has started; returns when they are gone."""
    deadline = time.monotonic() + SECONDS_TO_DIE
    while (members := _members(process)) and time.monotonic() < deadline:
        send(signal.SIGKILL, members)
        process.poll()
        psutil.wait_procs(members, timeout=0.2)


def _members(process: subprocess.Popen[bytes]) -> set[psutil.Process]:
    if process.poll() is None:
        return tree(process.pid)
    # Its number may be somebody else's by now; its session's number is not, while the session has members.
    members = set()
    for member in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError):
            if os.getsid(member.pid) == process.pid and member.status() != psutil.STATUS_ZOMBIE:
                members.add(member)
    return members


def send(number: int, members: Collection[psutil.Process]) -> None:
    """A signal to processes, as far as they are still there."""
    for member in members:
        with suppress(psutil.Error):
            member.send_signal(number)


@contextmanager
def interruptions_ignored() -> Iterator[None]:
    """Ctrl-C and the like do nothing meanwhile; only for so long, because processes started later would inherit it."""
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
