import dataclasses
import subprocess
import sys

from local_stack.session import Session


def test_what_a_stack_leaves_for_commands_is_readable_by_its_user_alone(tmp_path):
    Session.begin(tmp_path, {"secret": "x"}, tmp_path)

    assert (tmp_path / "stack.json").stat().st_mode & 0o077 == 0
    assert Session.find(tmp_path).is_running


def test_a_stack_whose_process_has_died_runs_no_more(tmp_path):
    session = Session.begin(tmp_path, {}, tmp_path)

    assert not dataclasses.replace(session, created=session.created - 1).is_running  # the number is another one's now


def test_what_a_killed_stack_has_left_running_is_known(tmp_path):
    session = Session.begin(tmp_path, {}, tmp_path)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as part:
        session.note_part(tmp_path, "scheduler", part.pid)

        assert Session.find(tmp_path).leftovers() == [part.pid]
        part.kill()
        part.wait()

    assert Session.find(tmp_path).leftovers() == []
