"""
The local BlazingText's training against fastText called directly, on the same file, early stopping off.

Both run as processes of their own, in turns. Compared are the throughput of training, as BlazingText's log has it and
as a stopwatch around fastText's call has it, and the time from the start of Python to the model on disk, in which the
container also takes its accuracy on the file, as BlazingText does. Aim: at least 0.9 of fastText's throughput.
"""

import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.texts import write_supervised

REPOSITORY = Path(__file__).parents[1]
ROUNDS = 5
LINES = 200_000
HYPERPARAMETERS = {
    "mode": "supervised",
    "epochs": "10",
    "learning_rate": "0.1",
    "vector_dim": "10",
    "word_ngrams": "2",
    "min_count": "1",
    "buckets": "200000",
    "early_stopping": "False",
}
DIRECT = """
import sys, time
import fasttext
started = time.monotonic()
model = fasttext.train_supervised(
    sys.argv[1], lr=0.1, dim=10, epoch=10, minCount=1, wordNgrams=2, bucket=200000, thread=1, seed=0, verbose=0
)
print("Total training time in seconds:", time.monotonic() - started)
model.save_model(sys.argv[2])
"""


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        root = _container_root(Path(folder))
        file = root / "input/data/train/train.txt"
        words = write_supervised(file, LINES) * int(HYPERPARAMETERS["epochs"])
        container = [sys.executable, "-m", "local_aws.blazingtext", str(root)]
        direct = [sys.executable, "-c", DIRECT, str(file), str(root / "direct.bin")]
        rounds = [(_seconds(container), _seconds(direct)) for _ in range(ROUNDS)]
    print(f"{words:,} words in all, median of {ROUNDS} rounds in turns")
    ratios = []
    for part, what in enumerate(("training", "whole process")):
        ours, theirs = (statistics.median(seconds[side][part] for seconds in rounds) for side in (0, 1))
        ratios.append(statistics.median(theirs[part] / ours[part] for ours, theirs in rounds))
        print(f"  {what:<14} local BlazingText {ours:6.2f} s, fastText {theirs:6.2f} s, ratio {ratios[-1]:.2f}")
    print("  aim: a ratio of throughputs of at least 0.90 in training")
    return 0 if ratios[0] >= 0.9 else 1


def _container_root(root: Path) -> Path:
    config = root / "input/config"
    config.mkdir(parents=True)
    (root / "input/data/train").mkdir(parents=True)
    documents = {
        "hyperparameters": HYPERPARAMETERS,
        "inputdataconfig": {"train": {"TrainingInputMode": "File"}},
        "resourceconfig": {"hosts": ["algo-1"]},
    }
    for name, document in documents.items():
        (config / f"{name}.json").write_text(json.dumps(document))
    return root


def _seconds(command: list[str]) -> tuple[float, float]:
    """Of training, as the process prints them, and of the whole process."""
    started = time.perf_counter()
    # The container ends with its standard input, so it gets one that stays open.
    with subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        printed = process.stdout.read()
        if process.wait():
            raise SystemExit(f"{' '.join(command[:3])} failed: {printed}")
    match = re.search(r"Total training time in seconds: (\S+)", printed)
    assert match is not None
    return float(match[1]), time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
