"""
BlazingText's inference: parse a request's body, predict, and write the answer or the container's error.

https://docs.aws.amazon.com/sagemaker/latest/dg/blazingtext.html#blazingtext-data-formats-inference
"""

import json
from pathlib import Path
from typing import Any

import fasttext

from include.tweets.tokens import LABEL_PREFIX

JSON = "application/json"
JSON_LINES = "application/jsonlines"


class ContainerError(Exception):
    """The container refuses a request, with an HTTP status."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status


class Predictor:
    """
    A loaded model.

    :raises ValueError: the file is not a supervised fastText model, or it is truncated
    """

    def __init__(self, model_file: Path):
        self._model = fasttext.load_model(str(model_file))
        if not all(label.startswith(LABEL_PREFIX) for label in self._model.labels) or not self._model.labels:
            raise ValueError(f"{model_file.name} is not a supervised model")
        _require_whole(model_file, len(self._model.labels), self._model.get_dimension())

    def answer(self, body: bytes, content_type: str, accept: str = "") -> tuple[str, str]:
        """
        Return the answer's body and content type.

        :param accept: the content type of the answer; empty or ``*/*``: that of the request
        :raises ContainerError: the content type is not supported, or the body does not have its form
        """
        media_type = _media_type(content_type)
        if media_type == JSON:
            answers = self._answer_json(_parse_json(body))
        elif media_type == JSON_LINES:
            lines = [_parse_json(line) for line in body.splitlines() if line.strip()]
            answers = [self._predict(_field(line, "source", str), _k(line)) for line in lines]
        else:
            raise ContainerError(415, f"content-type {media_type or 'None'} not supported")
        answered_type = _answered_type(media_type, accept)
        if answered_type == JSON:
            return json.dumps(answers), JSON
        return "\n".join(json.dumps(answer) for answer in answers), JSON_LINES

    def _answer_json(self, request: Any) -> list[dict[str, Any]]:
        instances = _field(request, "instances", list)
        configuration = request.get("configuration", {})
        if not isinstance(configuration, dict):
            raise ContainerError(400, "configuration must be an object")
        if not all(isinstance(instance, str) for instance in instances):
            raise ContainerError(400, "instances must be strings")
        k = _k(configuration)
        return [self._predict(instance, k) for instance in instances]

    def _predict(self, instance: str, k: int) -> dict[str, Any]:
        try:
            labels, probabilities = self._model.predict(instance.replace("\n", " "), k=min(k, len(self._model.labels)))
        except (UnicodeError, TypeError):  # half of a surrogate pair: valid in JSON, but not in UTF-8
            raise ContainerError(400, "an instance cannot be encoded as UTF-8") from None
        return {"prob": [float(probability) for probability in probabilities], "label": list(labels)}


def _require_whole(model_file: Path, labels: int, dimension: int) -> None:
    """
    Refuse a truncated file, which fastText loads without an error.

    The file ends with the output matrix: the number of rows and of columns as 64-bit integers, then 32-bit floats.
    """
    matrix_bytes = labels * dimension * 4
    with model_file.open("rb") as file:
        size = model_file.stat().st_size
        file.seek(max(0, size - matrix_bytes - 16))
        rows, columns = (int.from_bytes(file.read(8), "little", signed=True) for _ in range(2))
    if (rows, columns) != (labels, dimension):
        raise ValueError(f"{model_file.name} is cut short or damaged: its output matrix is not at its end")


def _media_type(header: str) -> str:
    return header.partition(";")[0].strip().lower()


def _answered_type(media_type: str, accept: str) -> str:
    wanted = [_media_type(entry) for entry in accept.split(",") if entry.strip()]
    if not wanted or {media_type, "*/*", "application/*"} & set(wanted):
        return media_type
    for entry in wanted:
        if entry in {JSON, JSON_LINES}:
            return entry
    raise ContainerError(406, f"accept type {accept[:100]} not supported")


def _parse_json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ContainerError(400, f"the body is not JSON: {error}") from None


def _field(request: Any, name: str, kind: type) -> Any:
    if not isinstance(request, dict) or not isinstance(request.get(name), kind):
        raise ContainerError(400, f"the request lacks {name!r}, or it is not a {kind.__name__}")
    return request[name]


def _k(configuration: dict[str, Any]) -> int:
    k = configuration.get("k", 1)
    if not isinstance(k, int) or isinstance(k, bool) or not 1 <= k < 2**31:
        raise ContainerError(400, f"k must be an integer above 0, not {k!r}")
    return k
