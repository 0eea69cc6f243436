"""Control characters and markup in other people's texts do nothing to a terminal, a log or a notice."""

import io
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from include.aws.notify import notify
from include.config.printable import printable
from include.report.failures import words_of
from local_stack.outcome import print_outcome
from tests.aws.test_notify import remember, told
from tests.conftest import REPOSITORY
from tests.report.reports import a_report, a_run

CLEAR_SCREEN = "\x1b[2J\x1b]0;title\x07"
REVERSED = "\u202etxt.exe"


@given(st.text())
def test_what_is_printed_can_be_encoded_and_has_no_control_characters(text):
    shown = printable(text)

    shown.encode()
    assert not [c for c in shown if (ord(c) < 32 and c not in "\t\n") or 0x7F <= ord(c) < 0xA0]
    assert printable(shown) == shown


@pytest.mark.parametrize("text", ["a plain text", "#café – 日本語 🎉\n\tnext line"])
def test_any_other_text_stays_as_it_is(text):
    assert printable(text) == text


def test_a_notice_has_a_subject_of_one_short_line_and_no_controls(monkeypatch):
    monkeypatch.setenv("RETRAIN_NOTIFIER", f"{remember.__module__}:{remember.__name__}")
    told.clear()

    notify(f"#aws: {CLEAR_SCREEN}Failed\r\nBcc: x@y.example " + "z" * 300, f"reason: {CLEAR_SCREEN}\nsecond line")

    ((subject, message),) = told
    assert len(subject) <= 100
    assert subject.isprintable()
    assert "\x1b" not in message
    assert message.endswith("\nsecond line")


def test_an_errors_words_are_printable():
    assert words_of(RuntimeError(f"{CLEAR_SCREEN}{REVERSED}")).isprintable()


def test_the_outcome_of_a_run_is_no_markup_and_no_control():
    text = f"[red]{CLEAR_SCREEN}[/red][link=http://evil]x[/link]"
    report = a_report(text=text, warnings=(text,), run=a_run())
    console = Console(file=io.StringIO(), force_terminal=True, width=300)

    print_outcome(report, console)

    shown = console.file.getvalue()
    assert "\x1b[2J" not in shown
    assert "\x1b]0;" not in shown
    assert "[red]" in shown


def test_a_file_names_controls_do_not_reach_the_terminal(tmp_path):
    path = tmp_path / f"tweets{CLEAR_SCREEN}.csv"
    path.write_text("no,such\nlabel,here\n" * 10)

    done = subprocess.run(
        [sys.executable, "-m", "include.cli", "prepare", str(path), "--out", str(tmp_path / "out")],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 1
    assert "\x1b" not in done.stdout + done.stderr


def test_a_tasks_message_is_printable_in_the_report():
    report = a_report(run=replace(a_run(states={"train_model": "failed"}), failures={"train_model": "x"}))

    assert report["outcome"].isprintable()
