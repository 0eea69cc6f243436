"""What the tests of the workers have done in other processes, which import this module and therefore no test."""

import os
from typing import Any

from include.tweets.workers import Workers

started_with = None


def start(value: Any) -> None:
    global started_with
    started_with = value


def work(number: int) -> tuple[int, Any, int]:
    return os.getpid(), started_with, number * number


def refuse(number: int) -> None:
    raise KeyError(number)


def end(number: int) -> None:
    os._exit(1)


def count_possible(queue: Any) -> None:
    queue.put(Workers(None, start).count)
