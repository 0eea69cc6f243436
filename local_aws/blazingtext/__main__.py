"""
The entry point of the training container: ``python -m local_aws.blazingtext ROOT``.

ROOT is used like ``/opt/ml`` on SageMaker. The container reads ``input/config/hyperparameters.json`` and
``input/data/<channel>/<files>``. It writes the model to ``model/model.bin``, and the reason of a failure to
``output/failure``. It prints BlazingText's log to standard output.
"""

import json
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from include.blazingtext.hyperparameters import HYPERPARAMETERS
from include.config.errors import ConfigurationError
from local_aws.blazingtext import TUNING_METRIC
from local_aws.blazingtext.training import LABEL, count_words, score, train, vocabulary_size


class AlgorithmError(Exception):
    """The request or its data are wrong. The message becomes the job's FailureReason."""


def main(root: Path) -> int:
    threading.Thread(target=_end_with_standard_input, daemon=True).start()
    try:
        _run(root)
    except AlgorithmError as error:
        message = f"AlgorithmError: {error}"
        _log(f"Customer Error: {message}")
        (root / "output").mkdir(exist_ok=True)
        (root / "output" / "failure").write_text(message, encoding="utf-8")
        return 1
    return 0


def _end_with_standard_input() -> None:
    """End the container when the process that started it has ended and so closed standard input."""
    while os.read(0, 1024):  # not sys.stdin, whose lock would block the interpreter's shutdown
        pass
    os._exit(1)


def _run(root: Path) -> None:
    _log("Arguments: train")
    hyperparameters = read_hyperparameters(json.loads((root / "input/config/hyperparameters.json").read_bytes()))
    _check_instances_and_modes(root / "input/config")
    _info("nvidia-smi took: 0.0252 secs to identify 0 gpus")
    _info("Running single machine CPU BlazingText training using supervised mode.")
    files = {
        channel: _channel_file(root, channel)
        for channel in ("train", "validation")
        if (root / "input/data" / channel).is_dir()
    }
    if "train" not in files:
        raise AlgorithmError("Missing channel: train")
    if hyperparameters["early_stopping"] and "validation" not in files:
        raise AlgorithmError("early_stopping needs a validation channel")
    for channel, file in files.items():
        size = file.stat().st_size // 2**20
        _info(f"Processing /opt/ml/input/data/{channel}/{file.name} . File size: {size} MB")
    model = _train(files, hyperparameters)
    for channel, file in files.items():
        examples, accuracy = score(model, file)
        _log("")
        _log(f"#{channel}_accuracy: {accuracy:.4f}")
        _log(f"Number of {channel} examples: {examples}")
    (root / "model").mkdir(exist_ok=True)
    model.saveModel(str(root / "model" / "model.bin"))


def _train(files: dict[str, Path], hyperparameters: dict[str, Any]) -> Any:
    with ThreadPoolExecutor(max_workers=1) as executor:
        # fastText trains without Python's global lock, so the words are counted at the same time.
        reported = executor.submit(_report_data, files, hyperparameters)
        if hyperparameters["early_stopping"]:  # this training cannot be interrupted, so the data are checked first
            reported.result()

        def log(line: str) -> None:
            reported.result()
            _log(line)

        try:
            return train(files["train"], files.get("validation"), hyperparameters, log)
        except (ValueError, RuntimeError) as error:  # RuntimeError: the weights have become NaN
            raise AlgorithmError(str(error)) from error


def _report_data(files: dict[str, Path], hyperparameters: dict[str, Any]) -> None:
    _log(f"Read {count_words(files['train']) // 10**6}M words")
    vocabulary = vocabulary_size(files["train"], hyperparameters["min_count"])
    _log(f"Number of words:  {vocabulary}")
    if not vocabulary:  # BlazingText's own message is not known; fastText would train a model without words
        raise AlgorithmError(f"Empty vocabulary: no word occurs {hyperparameters['min_count']} times or more")
    if "validation" in files:
        _log(f"Loading validation data from /opt/ml/input/data/validation/{files['validation'].name}")
        _log("Loaded validation data.")


def _check_instances_and_modes(config: Path) -> None:
    """Refuse several instances and Pipe mode. BlazingText's own messages are not known."""
    hosts = json.loads((config / "resourceconfig.json").read_bytes())["hosts"]
    if len(hosts) > 1:
        raise AlgorithmError(
            f"supervised mode runs on a single instance, but {len(hosts)} were requested; set InstanceCount to 1"
        )
    for channel, settings in json.loads((config / "inputdataconfig.json").read_bytes()).items():
        if settings["TrainingInputMode"] != "File":
            raise AlgorithmError(
                f"channel {channel} has input mode {settings['TrainingInputMode']}; supervised mode takes File mode"
            )


def read_hyperparameters(texts: dict[str, str]) -> dict[str, Any]:
    """
    The parsed hyperparameters. Those that are not in the request have BlazingText's defaults.

    :raises AlgorithmError: with BlazingText's message
    """
    texts = dict(texts)
    mode = texts.pop("mode", None)
    if mode is None:
        raise AlgorithmError("u'mode' is a required property")
    if mode != "supervised":
        raise AlgorithmError(f"mode {mode!r} is not available here: this local BlazingText trains supervised only")
    texts.pop(TUNING_METRIC, None)
    if unknown := sorted(set(texts) - set(HYPERPARAMETERS)):
        were = "was" if len(unknown) == 1 else "were"
        names = ", ".join(f"u'{name}'" for name in unknown)
        raise AlgorithmError(f"Additional properties are not allowed ({names} {were} unexpected)")
    values = {}
    for name, hyperparameter in HYPERPARAMETERS.items():
        try:
            values[name] = hyperparameter.parse(texts[name]) if name in texts else hyperparameter.default
        except ConfigurationError:
            raise AlgorithmError(f"u'{texts[name]}' is not valid under any of the given schemas") from None
    return values


def _channel_file(root: Path, channel: str) -> Path:
    files = [file for file in (root / "input/data" / channel).rglob("*") if file.is_file()]
    if len(files) != 1:
        names = ", ".join(sorted(file.name for file in files)) or "none"
        raise AlgorithmError(f"BlazingText takes one file in channel {channel}; there are {len(files)}: {names}")
    with files[0].open("rb") as file:
        if not any(word.startswith(LABEL) for line in file for word in line.split()):
            raise AlgorithmError(f"no line of {files[0].name} in channel {channel} holds a __label__")
    return files[0]


def _log(line: str) -> None:
    print(line, flush=True)


def _info(message: str) -> None:
    _log(f"[{time.strftime('%m/%d/%Y %H:%M:%S')} INFO {id(sys.modules)}] {message}")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
