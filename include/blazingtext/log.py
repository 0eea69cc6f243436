"""Metrics in the log that BlazingText writes during a training with early stopping."""

import re
from collections.abc import Iterable

_END_OF_EPOCH = re.compile(r"End of epoch: (\d+)")
_VALIDATION_ACCURACY = re.compile(r"Validation accuracy: ([\d.]+)")


def accuracy_by_epoch(lines: Iterable[str]) -> list[dict[str, float]]:
    """
    The validation accuracy of each epoch after which BlazingText measured it. Without early stopping it measures none.

    :param lines: the lines of the job's log, in order
    """
    epochs: dict[int, float] = {}
    epoch = 0
    for line in lines:
        if end := _END_OF_EPOCH.search(line):
            epoch = int(end[1])
        elif accuracy := _VALIDATION_ACCURACY.search(line):
            epochs[epoch] = float(accuracy[1])
    return [{"epoch": epoch, "validation_accuracy": accuracy} for epoch, accuracy in sorted(epochs.items())]
