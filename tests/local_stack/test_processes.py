import signal
import subprocess
import sys

import psutil

from local_stack.processes import interruptions_ignored, kill_tree, tree

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]
WITH_CHILD_IN_A_SESSION_OF_ITS_OWN = (
    "import subprocess, sys, time\n"
    f"print(subprocess.Popen({SLEEPER!r}, start_new_session=True).pid, flush=True)\n"
    "time.sleep(60)\n"
)


def test_a_process_is_killed_with_what_it_has_started_in_sessions_of_their_own():
    command = [sys.executable, "-c", WITH_CHILD_IN_A_SESSION_OF_ITS_OWN]
    with subprocess.Popen(command, start_new_session=True, stdout=subprocess.PIPE) as process:
        child = int(process.stdout.readline())
        members = tree(process.pid)
        assert {member.pid for member in members} == {process.pid, child}

        kill_tree(process)

        assert [one for one in members if one.is_running() and one.status() != psutil.STATUS_ZOMBIE] == []


def test_the_leader_of_a_tree_comes_first(monkeypatch):
    """Killed after its children, a local AWS would answer in its last millisecond that its models were killed."""
    children = f"import subprocess\nfor _ in range(20): subprocess.Popen({SLEEPER!r})\nprint(flush=True)\ninput()"
    command = [sys.executable, "-c", children]
    with subprocess.Popen(command, start_new_session=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        processes = psutil.process_iter
        monkeypatch.setattr(psutil, "process_iter", lambda: reversed([*processes()]))

        members = tree(process.pid)
        kill_tree(process)

    assert [member.pid for member in members].index(process.pid) == 0
    assert len(members) == 21


def test_interruptions_count_again_afterwards():
    before = signal.getsignal(signal.SIGTERM)

    with interruptions_ignored():
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN

    assert signal.getsignal(signal.SIGTERM) == before
