"""What `make chaos` prints and returns. Its rounds are made up here: a stack takes minutes."""

import io
import signal
import sys
import tempfile

import pytest
from rich.console import Console

from chaos import __main__ as command
from chaos.audit import Run
from chaos.plan import DOZEN, Disruption, Plan
from chaos.rounds import Round
from local_stack.errors import StackError
from local_stack.settings import LOOPBACK_WITHOUT_PROXY

KILL, MARK = Disruption("kill", "train_model", 1.5, "scheduler", 2.0), Disruption("mark_run", "t", 0, "failed")


def round_of(seed=7, state="success", done=(), violations=(), **members):
    runs = [Run("run", state, {"a": {"try_number": 3}, "b": {"try_number": 1}, "c": {"try_number": 0}})]
    return Round(Plan(seed, "aws", {}, False, ()), runs, list(done), violations=list(violations), **members)


@pytest.fixture
def console():
    return Console(file=io.StringIO(), width=200)


def shown(console):
    return console.file.getvalue()


@pytest.fixture
def chaos(monkeypatch, tmp_path, capsys):
    """The command's exit status and output, if these rounds are played; an exception among them ends it."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in LOOPBACK_WITHOUT_PROXY:
        monkeypatch.setenv(name, "")  # is restored after the test
    asked = []

    def chaos(*arguments, rounds=()):
        def play(home, seeds, at_once, played, console):
            asked.append((list(seeds), at_once))
            for one in rounds:
                if not isinstance(one, Round):
                    raise one
                played.append(one)

        monkeypatch.setattr(command, "_play", play)
        monkeypatch.setattr(sys, "argv", ["chaos", *arguments])
        return command.main(), capsys.readouterr().out

    chaos.asked = asked
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield chaos
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        (["--rounds", "3", "--seed", "5"], ([5, 6, 7], 4)),
        (["--dozen", "--at-once", "2"], (list(DOZEN), 2)),
        ([], (list(range(1, 101)), 4)),
    ],
)
def test_the_rounds_are_those_of_the_seeds(chaos, arguments, asked):
    chaos(*arguments)

    assert chaos.asked == [asked]


@pytest.mark.parametrize("wrong", [["--rounds", "0"], ["--at-once", "0"], ["--seed", "-1"]])
def test_no_rounds_are_a_mistake(chaos, wrong):
    with pytest.raises(SystemExit, match="2"):
        chaos(*wrong)
    assert chaos.asked == []


def test_rounds_without_violations_leave_nothing(chaos, tmp_path):
    status, _ = chaos("--rounds", "2", rounds=[round_of(), round_of()])

    assert status == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("rounds", "words"),
    [
        ([round_of(), round_of(violations=["endpoint is left"])], "Wrong: 1, seeds 7"),
        ([round_of(), KeyboardInterrupt()], "Stopped."),
        ([round_of(), round_of(state="failed")], "Of 2 rounds that could succeed, 1 did."),
        ([StackError("port 5432 is taken")], "error: port 5432 is taken"),
    ],
    ids=["a violation", "interrupted", "too few recovered", "no stack"],
)
def test_anything_else_fails_and_the_logs_stay(chaos, tmp_path, rounds, words):
    status, output = chaos("--rounds", "2", rounds=rounds)

    assert status == 1
    (home,) = tmp_path.iterdir()
    assert words in output
    assert output.splitlines()[-1] == f"Logs and data: {home}"


@pytest.mark.parametrize(("failed", "robust"), [(1, True), (2, False)])
def test_four_of_five_rounds_that_can_succeed_must(failed, robust):
    played = [round_of(state="failed")] * failed + [round_of(done=[KILL])] * (5 - failed)

    assert command.is_robust(played) is robust
    assert command.is_robust([*played, round_of(state="failed", done=[MARK])]) is robust  # it need not succeed
    assert command.recovered(played) == 5 - failed


def test_a_round_succeeds_only_with_all_its_runs():
    both = round_of()
    both.runs.append(Run("second", "failed"))

    assert command.recovered([both]) == 0


def test_a_rounds_line_says_its_seed_states_time_retries_and_disruptions(console):
    command.print_round(round_of(4711, done=[KILL, MARK], seconds=61.4), console)

    assert shown(console) == (
        "ok    4711  success             61 s   2 retries  "
        "kill scheduler for 2.0 s @train_model+1.5; mark_run failed @t+0.0\n"
    )


def test_what_is_wrong_with_a_round_and_what_was_refused_follow_its_line(console):
    one = round_of(violations=["trained twice: [a], [b]"], refused=["answer keep (404)"])

    command.print_round(one, console)

    line, *more = shown(console).splitlines()
    assert line.startswith("WRONG ")
    assert line.endswith(" -")
    assert [text.strip() for text in more] == ["not done: answer keep (404)", "trained twice: [a], [b]"]


def test_the_summary_counts_and_names_the_seeds_of_wrong_rounds(console):
    played = [
        round_of(1, done=[KILL]),
        round_of(2, done=[KILL, MARK], state="failed", violations=["x"]),
        round_of(3, violations=["y"]),
    ]

    command.print_summary(played, 200, console)

    assert shown(console).splitlines() == [
        "",
        "3 rounds in 3 min; runs: 2 success, 1 failed. Done: 2 kill, 1 mark_run.",
        "Of 2 rounds that could succeed, 2 did.",
        "Wrong: 2, seeds 2, 3",
    ]
