"""
Supervised training as BlazingText does it, early stopping included.

fastText's bindings have no callback per epoch. But training runs outside of Python's lock and reads its input through
a path; so where early stopping is on, the path is a named pipe, the epochs are fed into it one by one, and between two
epochs, while the trainer waits for input, the model is scored on the validation file.
"""

import fcntl
import math
import os
import struct
import termios
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import fasttext
import numpy as np
from fasttext.FastText import _build_args, _FastText, unsupervised_default

END_OF_LINE = "</s>"
"""A word of fastText's own."""
SEED = 0
"""BlazingText has no such hyperparameter. Fixed, so that the same input gives the same model."""

_PIPE_BYTES = 65_536
# More blanks than a pipe plus a read buffer holds: once the trainer has taken them out of the pipe, everything before
# them has been learned. They are no words, so that they count neither for the learning rate nor for the end.
_FENCE = b" " * (_PIPE_BYTES + 8_192)
# Words without a label, to let the trainer run to its end when nothing more is to be learned.
_FILLER = b"x " * (_PIPE_BYTES // 2 - 1) + b"\n"

Log = Callable[[str], None]


def train(train_file: Path, validation_file: Path | None, hyperparameters: dict[str, Any], log: Log) -> Any:
    """
    Train a fastText model; write BlazingText's lines about it to `log`.

    :param train_file: one example a line, labels as ``__label__x`` words anywhere in it
    :param validation_file: of the same form; needed for early stopping
    :param hyperparameters: every hyperparameter of `include.blazingtext.hyperparameters`, parsed
    :return: a fasttext model, with the best epoch's weights where early stopping is on
    """
    started = time.monotonic()
    if hyperparameters["early_stopping"]:
        assert validation_file is not None
        with TemporaryDirectory(dir=train_file.parent) as folder:
            pipe = Path(folder) / "train"
            model = _EarlyStopping(train_file, validation_file, pipe, hyperparameters, log).train()
    else:
        arguments = _arguments(train_file, hyperparameters)
        model = _FastText(args=arguments)
        fasttext.FastText.fasttext.train(model.f, arguments)
        model.set_args(model.f.getArgs())
        log("##### Alpha: 0.0000  Progress: 100.00%  #####")
    seconds = max(time.monotonic() - started, 1e-6)
    words = count_words(train_file) * hyperparameters["epochs"]
    log("Training finished.")
    log(f"Average throughput in Million words/sec: {words / 1e6 / seconds:.2f}")
    log(f"Total training time in seconds: {seconds:.2f}")
    return model


def score(model: Any, file: Path) -> tuple[int, float]:
    """Examples of a file, and accuracy on them: 0 where none has a label of the model's (fastText says NaN)."""
    examples, accuracy, _ = model.f.test(str(file), 1, 0.0)
    return examples, 0.0 if math.isnan(accuracy) else float(accuracy)


def count_words(file: Path) -> int:
    """How many words, labels included, a file of words between single blanks holds."""
    with file.open("rb") as content:
        chunks = iter(lambda: content.read(2**24), b"")
        return sum(chunk.count(b" ") + chunk.count(b"\n") for chunk in chunks)


def vocabulary_size(file: Path, min_count: int) -> int:
    """How many different words occur `min_count` times or more, as fastText's own dictionary has them."""
    model = fasttext.train_supervised(str(file), epoch=0, dim=1, minCount=min_count, bucket=1, thread=1, verbose=0)
    return sum(word != END_OF_LINE for word in model.words)


def _arguments(path: Path, hyperparameters: dict[str, Any]) -> Any:
    """fastText's own names for BlazingText's hyperparameters. One thread: only then is training reproducible."""
    values = dict(
        unsupervised_default,
        input=str(path),
        model="supervised",
        loss="softmax",
        minn=0,
        maxn=0,
        thread=1,
        seed=SEED,
        verbose=0,
        lr=hyperparameters["learning_rate"],
        dim=hyperparameters["vector_dim"],
        epoch=hyperparameters["epochs"],
        minCount=hyperparameters["min_count"],
        wordNgrams=hyperparameters["word_ngrams"],
        bucket=hyperparameters["buckets"],
    )
    return _build_args(values, set(values))


class _EarlyStopping:
    """One training with early stopping."""

    def __init__(self, train_file: Path, validation_file: Path, pipe: Path, hyperparameters: dict[str, Any], log: Log):
        self.examples = train_file.read_bytes()
        if not self.examples.endswith(b"\n"):
            self.examples += b"\n"
        self.validation_file = validation_file
        self.pipe = pipe
        self.hyperparameters = hyperparameters
        self.log = log
        self.arguments = _arguments(pipe, hyperparameters)
        self.model = _FastText(args=self.arguments)
        self.failure: BaseException | None = None
        self.trainer = threading.Thread(target=self._run_trainer, daemon=True)
        self.best_accuracy = -1.0
        self.best_weights: tuple[np.ndarray, np.ndarray] | None = None
        self.epochs_without_improvement = 0

    def train(self) -> Any:
        os.mkfifo(self.pipe)
        self.trainer.start()
        # The trainer reads its input twice: for the dictionary, and to learn. A second pipe takes the first one's
        # place while that is still open, so that the second reading cannot catch the end of the first.
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
        self.model.set_args(self.model.f.getArgs())
        if self.best_weights is not None:
            self.model.set_matrices(*self.best_weights)
        return self.model

    def _run_trainer(self) -> None:
        try:
            fasttext.FastText.fasttext.train(self.model.f, self.arguments)
        except BaseException as error:
            self.failure = error

    def _write_dictionary(self, descriptor: int) -> None:
        try:
            _write(descriptor, self.examples)
        finally:
            os.close(descriptor)

    def _open_learning(self) -> int | None:
        """The second pipe's writing end; None where the trainer has given up before it came to learning."""
        while self.trainer.is_alive():
            try:
                descriptor = os.open(self.pipe, os.O_WRONLY | os.O_NONBLOCK)
            except OSError:  # nobody reads yet
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
                    with suppress(BrokenPipeError):  # the trainer has ended with the last epoch
                        _write(descriptor, _FENCE)
                        self._wait_until_learned(descriptor)
                    self._validate(epoch)
                    if self.epochs_without_improvement >= self.hyperparameters["patience"]:
                        self.log("Early stopping: patience is exhausted.")
                        break
        except BrokenPipeError:
            pass  # the trainer has counted all its epochs' words and has ended
        finally:
            with suppress(BrokenPipeError):  # at the end of a pipe it would spin for ever
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
            self.best_weights = (
                np.array(self.model.f.getInputMatrix()),
                np.array(self.model.f.getOutputMatrix()),
            )
            self.epochs_without_improvement = 0
        else:
            self.epochs_without_improvement += 1
            self.log(f"Validation accuracy has not improved for last {self.epochs_without_improvement} epochs.")
        epochs = self.hyperparameters["epochs"]
        alpha = self.hyperparameters["learning_rate"] * (1 - epoch / epochs)
        self.log(f"##### Alpha: {alpha:.4f}  Progress: {100 * epoch / epochs:.2f}%  #####")


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view[:_PIPE_BYTES]) :]
