"""
The program of a model's process: ``python -m include.blazingtext.model_program FILE`` (see
`include.blazingtext.model_process`).

It answers requests from its standard input, each a line of JSON, with a line of JSON each. The first line that it
writes tells of the model. It imports little, because half of the time until a model answers went into imports.
"""

import json
import os
import resource
import sys
from binascii import b2a_base64
from typing import Any, BinaryIO

from include.blazingtext.model_file import check_model_file

MEMORY_BESIDE_THE_MODEL = 3 * 2**30
"""Of address space: Python's, and that of what it answers."""
END_OF_LINE = "</s>"
"""fastText adds this token to every tweet."""
BROKEN_TEXT = "strict"
"""Whether fastText's bindings refuse labels and words that are not UTF-8."""


def main() -> None:
    """Load the model, and answer until the other side is gone."""
    model_file = sys.argv[1]
    limit = os.stat(model_file).st_size * 2 + MEMORY_BESIDE_THE_MODEL  # noqa: PTH116 (pathlib takes 6 ms to import)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # fastText may write to the standard output, which is the other side's
    try:
        model = _load(model_file)
    except (ValueError, MemoryError, UnicodeError) as error:
        _write(answers, {"error": str(error) or type(error).__name__})
        return
    arguments = model.getArgs()
    about = {"dimension": arguments.dim, "word_ngrams": arguments.wordNgrams}
    _write(answers, {"ok": {"labels": model.getLabels(BROKEN_TEXT)[0], **about}})
    for line in sys.stdin.buffer:
        _write(answers, {"ok": _answer(model, json.loads(line))})


def _write(answers: BinaryIO, answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer).encode() + b"\n")
    answers.flush()


def _load(model_file: str) -> Any:
    check_model_file(model_file)
    import fasttext_pybind  # not fasttext, which wraps this: it imports numpy, which takes longer than all the rest

    model = fasttext_pybind.fasttext()
    model.loadModel(model_file)
    return model


def _answer(model: Any, request: dict[str, Any]) -> Any:
    if "weights" in request:
        return _weights(model, *request["weights"])
    answers = (model.predict(f"{text}\n", request["k"], 0.0, BROKEN_TEXT) for text in request["predict"])
    return [([label for _, label in answer], [probability for probability, _ in answer]) for answer in answers]


def _weights(model: Any, min_occurrences: int, max_words: int) -> dict[str, Any]:
    from fasttext_pybind import Vector

    words, counts = model.getVocab(BROKEN_TEXT)  # the most frequent first
    known = [
        (word, occurrences)
        for word, occurrences in zip(words[:max_words], counts, strict=False)
        if occurrences >= min_occurrences and word != END_OF_LINE
    ]
    vector, rows = Vector(model.getArgs().dim), []
    for word, _ in known:
        # Not getWordVector, which scales each vector to length 1: then rare and common words weigh the same.
        model.getInputVector(vector, model.getWordId(word))
        rows.append(memoryview(vector).tobytes())
    weights = {"of_words": b"".join(rows), "of_labels": memoryview(model.getOutputMatrix()).tobytes()}
    return {"words": known, **{name: b2a_base64(found, newline=False).decode() for name, found in weights.items()}}


if __name__ == "__main__":
    main()
