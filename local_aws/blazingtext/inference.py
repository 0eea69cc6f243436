"""
BlazingText's inference: parse a request's body, predict, and write the answer or the container's error.

https://docs.aws.amazon.com/sagemaker/latest/dg/blazingtext.html#blazingtext-data-formats-inference
"""

import json
from pathlib import Path
from typing import Any

from include.blazingtext.model_process import ModelError, ModelProcess
from include.tweets.supervised import LABEL_PREFIX

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
        self._model = ModelProcess(model_file)
        labels = self._model.labels
        if not all(label.startswith(LABEL_PREFIX) for label in labels) or not labels:
            raise ValueError(f"{model_file.name} is not a supervised model")

    def answer(self, body: bytes, content_type: str, accept: str = "") -> tuple[str, str]:
        """
        Return the answer's body and content type.

        :param accept: the content type of the answer; empty or ``*/*``: that of the request
        :raises ContainerError: the content type is not supported, or the body does not have its form
        """
        media_type = _media_type(content_type) or JSON  # as AWS answers requests without a content type
        if media_type == JSON:
            answers = self._answer_json(_parse_json(body))
        elif media_type == JSON_LINES:
            lines = [_parse_json(line) for line in body.splitlines() if line.strip()]
            answers = self._predict([(_field(line, "source", str), _k(line)) for line in lines])
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
        return self._predict([(instance, k) for instance in instances])

    def _predict(self, instances: list[tuple[str, int]]) -> list[dict[str, Any]]:
        """The answers for texts, each with its number of labels."""
        if not all(_is_utf8(text) for text, _ in instances):
            raise ContainerError(400, "an instance cannot be encoded as UTF-8")
        most = min(max((k for _, k in instances), default=1), len(self._model.labels))
        try:
            answers = self._model.predict([text.replace("\n", " ") for text, _ in instances], most)
        except ModelError as error:
            raise ContainerError(500, str(error)) from None
        return [
            {"prob": probabilities[:k], "label": labels[:k]}
            for (_, k), (labels, probabilities) in zip(instances, answers, strict=True)
        ]


def _is_utf8(text: str) -> bool:
    """Half of a surrogate pair is valid in JSON, but not in UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


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
