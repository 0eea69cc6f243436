"""
A model in a process of its own, with a limit of memory.

A model file is foreign data, and fastText trusts the sizes that stand in it: a crafted or truncated file can end, fill
or stop the process that loads it. Here that is a child process, which runs `include.blazingtext.model_program`.
"""

import base64
import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

REPOSITORY = Path(__file__).parents[2]
LOAD_SECONDS, ANSWER_SECONDS = 120.0, 60.0
"""A child that has not answered by then is ended. SageMaker's own limit for an invocation is 60 s."""

Answer = tuple[list[str], list[float]]
"""Labels, with their prefix, and probabilities, the most probable first."""


@dataclass(frozen=True, slots=True)
class Weights:
    """What a model has learned of its labels and of some words. Each row is float32, and as long as the dimension."""

    words: list[tuple[str, int]]
    """Each with its number of occurrences in the train split."""
    of_words: bytes
    """A row for each word."""
    of_labels: bytes
    """A row for each label."""


class ModelError(ValueError):
    """The model cannot be loaded, or its process has ended; the message says why."""


class ModelProcess:
    """
    A loaded model. Its process is started again after it has ended.

    :param model_file: BlazingText's model.bin; it must stay where it is
    :raises ModelError: the file is not a model that fastText can load
    """

    def __init__(self, model_file: Path):
        self._model_file = model_file
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        with self._lock:
            about = self._start()
        self.labels: list[str] = about["labels"]
        """With their prefix."""
        self.dimension: int = about["dimension"]
        self.word_ngrams: int = about["word_ngrams"]

    def predict(self, texts: Sequence[str], k: int) -> list[Answer]:
        """
        Predict the `k` most probable labels of tokenised texts of one line each.

        :raises ModelError: the process ended
        """
        return [(labels, probabilities) for labels, probabilities in self._ask({"predict": list(texts), "k": k})]

    def weights(self, min_occurrences: int, max_words: int) -> Weights:
        """
        Those of the labels and of the most frequent words.

        :raises ModelError: the process ended
        """
        answer = self._ask({"weights": [min_occurrences, max_words]})
        of_words, of_labels = (base64.b64decode(answer[name]) for name in ("of_words", "of_labels"))
        return Weights([(word, occurrences) for word, occurrences in answer["words"]], of_words, of_labels)

    def close(self) -> None:
        """End the process."""
        with self._lock:
            if self._process is not None:
                self._process.kill()
                self._process.communicate()
                self._process = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        with suppress(Exception):  # while the interpreter ends
            self.close()

    def _ask(self, request: dict[str, Any]) -> Any:
        with self._lock:
            if self._process is None:
                self._start()
            return self._exchange(json.dumps(request).encode() + b"\n", ANSWER_SECONDS)

    def _start(self) -> dict[str, Any]:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "include.blazingtext.model_program", str(self._model_file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
        )
        about: dict[str, Any] = self._exchange(b"", LOAD_SECONDS)
        return about

    def _exchange(self, request: bytes, seconds: float) -> Any:
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        timer = threading.Timer(seconds, process.kill)
        timer.start()
        try:
            process.stdin.write(request)
            process.stdin.flush()
            line = process.stdout.readline()
        except OSError:  # the process ended while it was written to
            line = b""
        finally:
            timer.cancel()
        if not line.endswith(b"\n"):
            raise ModelError(self._reason_of_end(process, seconds))
        answer = json.loads(line)
        if "error" in answer:
            if not request:
                process.communicate()
                self._process = None
            raise ModelError(answer["error"])
        return answer["ok"]

    def _reason_of_end(self, process: "subprocess.Popen[bytes]", seconds: float) -> str:
        process.kill()
        process.communicate()
        self._process = None
        if process.returncode == -9:
            return f"the model's process was killed: it took more than {seconds:.0f} s, or memory ran out"
        return f"the model ended its process (status {process.returncode}): the file is damaged, or no model"


def _environment() -> dict[str, str]:
    """What Python needs, and nothing secret: who can make the model run code of theirs would find no credentials."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "LANG", "TMPDIR") if name in os.environ}
    path = os.pathsep.join([str(REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**kept, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
