"""
Supervised training with BlazingText's early stopping.

fastText's bindings have no callback per epoch. But fastText trains without Python's global lock, and reads its input
from a path. With early stopping, this path is a named pipe. The epochs are written to the pipe one by one. Between two
epochs the trainer waits for input, and the model is scored on the validation file.

The bindings are used as they are: the package fasttext around them imports numpy, which takes as long as the training
of a small file.
"""

import fcntl
import math
import os
import struct
import termios
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import fasttext_pybind

from include.tweets.supervised import LABEL_PREFIX

LABEL = LABEL_PREFIX.encode()
SEED = 0
"""Fixed, so that the same input gives the same model. BlazingText has no hyperparameter for it."""

_PIPE_BYTES = 65_536
# More blanks than the pipe and the trainer's read buffer hold. When the pipe is empty again, the trainer has learned
# everything before the blanks. Blanks are not words, so they change neither the learning rate nor the end of training.
_FENCE = b" " * (_PIPE_BYTES + 8_192)
# Words without a label. The trainer learns nothing from them, but they let it reach its end.
_FILLER = b"x " * (_PIPE_BYTES // 2 - 1) + b"\n"

Log = Callable[[str], None]


def train(train_file: Path, validation_file: Path | None, hyperparameters: dict[str, Any], log: Log) -> Any:
    """
    Train a fastText model. `log` gets the lines that BlazingText logs.

    :param train_file: one example per line, labels as words ``__label__x`` anywhere in the line
    :param validation_file: has the same form; required for early stopping
    :param hyperparameters: all hyperparameters of `include.blazingtext.hyperparameters`, parsed
    :return: fastText's model, with early stopping with the weights of the best epoch
    """
    started = time.monotonic()
    if hyperparameters["early_stopping"]:
        assert validation_file is not None
        with TemporaryDirectory(dir=train_file.parent) as folder:
            pipe = Path(folder) / "train"
            model = _EarlyStopping(train_file, validation_file, pipe, hyperparameters, log).train()
    else:
        model = fasttext_pybind.fasttext()
        fasttext_pybind.train(model, _arguments(train_file, hyperparameters))
        log("##### Alpha: 0.0000  Progress: 100.00%  #####")
    seconds = max(time.monotonic() - started, 1e-6)
    words = count_words(train_file) * hyperparameters["epochs"]
    log("Training finished.")
    log(f"Average throughput in Million words/sec: {words / 1e6 / seconds:.2f}")
    log(f"Total training time in seconds: {seconds:.2f}")
    return model


def score(model: Any, file: Path) -> tuple[int, float]:
    """The number of examples in a file and the accuracy: 0 if no example has a known label, where fastText says NaN."""
    examples, accuracy, _ = model.test(str(file), 1, 0.0)
    return examples, 0.0 if math.isnan(accuracy) else float(accuracy)


def count_words(file: Path) -> int:
    """The number of words in a file, with the labels. The words are separated by single blanks."""
    with file.open("rb") as content:
        chunks = iter(lambda: content.read(2**24), b"")
        return sum(chunk.count(b" ") + chunk.count(b"\n") for chunk in chunks)


def vocabulary_size(file: Path, min_count: int) -> int:
    """The number of different words, without labels, that occur `min_count` times or more."""
    occurrences: Counter[bytes] = Counter()
    with file.open("rb") as lines:
        for line in lines:
            occurrences.update(line.replace(b"\0", b" ").split())  # fastText takes a NUL for a blank
    return sum(count >= min_count and not word.startswith(LABEL) for word, count in occurrences.items())


def _arguments(path: Path, hyperparameters: dict[str, Any]) -> Any:
    """fastText's arguments for BlazingText's hyperparameters. Training is reproducible with one thread only."""
    words = hyperparameters["word_ngrams"]
    values = {
        "input": str(path),
        "model": fasttext_pybind.model_name.supervised,
        "loss": fasttext_pybind.loss_name.softmax,
        "minn": 0,
        "maxn": 0,
        "thread": 1,
        "seed": SEED,
        "verbose": 0,
        "lr": hyperparameters["learning_rate"],
        "dim": hyperparameters["vector_dim"],
        "epoch": hyperparameters["epochs"],
        "minCount": hyperparameters["min_count"],
        "wordNgrams": words,
        "bucket": hyperparameters["buckets"] if words > 1 else 0,
    }
    arguments = fasttext_pybind.args()
    for name, value in values.items():
        setattr(arguments, name, value)
    return arguments


class _EarlyStopping:
    """A training with early stopping."""

    def __init__(self, train_file: Path, validation_file: Path, pipe: Path, hyperparameters: dict[str, Any], log: Log):
        self.examples = train_file.read_bytes()
        if not self.examples.endswith(b"\n"):
            self.examples += b"\n"
        self.validation_file = validation_file
        self.pipe = pipe
        self.hyperparameters = hyperparameters
        self.log = log
        self.arguments = _arguments(pipe, hyperparameters)
        self.model = fasttext_pybind.fasttext()
        self.failure: BaseException | None = None
        self.trainer = threading.Thread(target=self._run_trainer, daemon=True)
        self.best_accuracy = -1.0
        self.best_weights: tuple[memoryview[float], memoryview[float]] | None = None
        self.epochs_without_improvement = 0

    def train(self) -> Any:
        os.mkfifo(self.pipe)
        self.trainer.start()
        # The trainer reads the path twice: for the dictionary, and to learn. A second pipe replaces the first one while
        # that is still open, so the trainer cannot open the first one again and read its end.
        dictionary = os.open(self.pipe, os.O_WRONLY)
        second = self.pipe.with_suffix(".learning")
        os.mkfifo(second)
        second.replace(self.pipe)
        self._write_dictionary(dictionary)
        try:
            learning = self._open_learning()
            if learning is not None:
                self._feed_epochs(learning)
        finally:
            self.trainer.join()
        if self.failure is not None:
            raise self.failure
        if self.best_weights is not None:
            self.model.setMatrices(*self.best_weights)
        return self.model

    def _run_trainer(self) -> None:
        try:
            fasttext_pybind.train(self.model, self.arguments)
        except BaseException as error:
            self.failure = error

    def _write_dictionary(self, descriptor: int) -> None:
        try:
            _write(descriptor, self.examples)
        finally:
            os.close(descriptor)

    def _open_learning(self) -> int | None:
        """Open the second pipe for writing. None: the trainer has failed before it opened the pipe."""
        while self.trainer.is_alive():
            try:
                descriptor = os.open(self.pipe, os.O_WRONLY | os.O_NONBLOCK)
            except OSError:  # the trainer has not opened the pipe yet
                time.sleep(0.001)
                continue
            os.set_blocking(descriptor, True)
            return descriptor
        return None

    def _feed_epochs(self, descriptor: int) -> None:
        try:
            for epoch in range(1, self.hyperparameters["epochs"] + 1):
                _write(descriptor, self.examples)
                if epoch >= self.hyperparameters["min_epochs"]:
                    with suppress(BrokenPipeError):  # the trainer ends after the last epoch
                        _write(descriptor, _FENCE)
                        self._wait_until_learned(descriptor)
                    self._validate(epoch)
                    if self.epochs_without_improvement >= self.hyperparameters["patience"]:
                        self.log("Early stopping: patience is exhausted.")
                        break
        except BrokenPipeError:
            pass  # the trainer has read as many words as its epochs have, and has ended
        finally:
            with suppress(BrokenPipeError):  # a trainer at the end of its input loops forever
                while self.trainer.is_alive():
                    _write(descriptor, _FILLER)
            os.close(descriptor)

    def _wait_until_learned(self, descriptor: int) -> None:
        while self.trainer.is_alive():
            (waiting,) = struct.unpack("i", fcntl.ioctl(descriptor, termios.FIONREAD, b"\0" * 4))
            if not waiting:
                return
            time.sleep(0.0005)

    def _validate(self, epoch: int) -> None:
        _, accuracy = score(self.model, self.validation_file)
        self.log(f"-------------- End of epoch: {epoch}")
        self.log("Using 1 threads for prediction!")
        self.log(f"Validation accuracy: {accuracy:.6g}")
        if accuracy > self.best_accuracy:
            self.log("Validation accuracy improved! Storing best weights...")
            self.best_accuracy = accuracy
            self.best_weights = (_copied(self.model.getInputMatrix()), _copied(self.model.getOutputMatrix()))
            self.epochs_without_improvement = 0
        else:
            self.epochs_without_improvement += 1
            self.log(f"Validation accuracy has not improved for last {self.epochs_without_improvement} epochs.")
        epochs = self.hyperparameters["epochs"]
        alpha = self.hyperparameters["learning_rate"] * (1 - epoch / epochs)
        self.log(f"##### Alpha: {alpha:.4f}  Progress: {100 * epoch / epochs:.2f}%  #####")


def _copied(matrix: Any) -> "memoryview[float]":
    weights = memoryview(matrix)
    assert weights.shape is not None
    return memoryview(weights.tobytes()).cast("f", weights.shape)


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view[:_PIPE_BYTES]) :]
