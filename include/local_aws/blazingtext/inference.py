"""
BlazingText's answers: what a request's body means, and what the container says where it means nothing.

https://docs.aws.amazon.com/sagemaker/latest/dg/blazingtext.html#blazingtext-data-formats-inference
"""

import json
from pathlib import Path
from typing import Any

import fasttext

from include.text.tokens import LABEL_PREFIX


class ContainerError(Exception):
    """The container refuses a request, with an HTTP status of its own."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status


class Predictor:
    """
    A loaded model.

    :raises ValueError: the file is no supervised fastText model
    """

    def __init__(self, model_file: Path):
        self._model = fasttext.load_model(str(model_file))
        if not all(label.startswith(LABEL_PREFIX) for label in self._model.labels) or not self._model.labels:
            raise ValueError(f"{model_file.name} is not a supervised model")

    def answer(self, body: bytes, content_type: str) -> tuple[str, str]:
        """
        The answer's body and content type.

        :raises ContainerError: wrong content type, or a body that is not of its form
        """
        media_type = content_type.partition(";")[0].strip().lower()
        if media_type == "application/json":
            return json.dumps(self._answer_json(_parse_json(body))), "application/json"
        if media_type == "application/jsonlines":
            lines = [_parse_json(line) for line in body.splitlines() if line.strip()]
            answers = [self._predict(_field(line, "source", str), _k(line)) for line in lines]
            return "\n".join(json.dumps(answer) for answer in answers), "application/jsonlines"
        raise ContainerError(415, f"content-type {media_type or 'None'} not supported")

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
        labels, probabilities = self._model.predict(instance.replace("\n", " "), k=k)
        return {"prob": [float(probability) for probability in probabilities], "label": list(labels)}


def _parse_json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError as error:
        raise ContainerError(400, f"the body is not JSON: {error}") from None


def _field(request: Any, name: str, kind: type) -> Any:
    if not isinstance(request, dict) or not isinstance(request.get(name), kind):
        raise ContainerError(400, f"the request lacks {name!r}, or it is not a {kind.__name__}")
    return request[name]


def _k(configuration: dict[str, Any]) -> int:
    k = configuration.get("k", 1)
    if not isinstance(k, int) or isinstance(k, bool) or k < 1:
        raise ContainerError(400, f"k must be an integer above 0, not {k!r}")
    return k
