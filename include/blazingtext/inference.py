"""
The JSON that an endpoint of BlazingText takes and answers.

https://docs.aws.amazon.com/sagemaker/latest/dg/blazingtext.html#blazingtext-data-formats-inference
"""

import json
from collections.abc import Sequence
from typing import Any

from include.config.errors import EvaluationError
from include.predictions import Prediction
from include.tweets.supervised import LABEL_PREFIX


def invocation(instances: list[str], k: int) -> dict[str, Any]:
    """The body of InvokeEndpoint for the `k` most probable labels of each instance."""
    return {"instances": instances, "configuration": {"k": k}}


def parse_answer(body: bytes | str) -> list[Prediction]:
    """
    Read predictions from an endpoint's application/json answer.

    :raises EvaluationError: the answer is not in BlazingText's format
    """
    try:
        answers: Any = json.loads(body)
        return [prediction_of(answer["label"], answer["prob"]) for answer in answers]
    except (ValueError, KeyError, TypeError) as error:
        shown = body[:200] if isinstance(body, str) else body[:200].decode("utf-8", "replace")
        raise EvaluationError(f"the endpoint's answer is not in BlazingText's format ({error!r}): {shown}") from None


def prediction_of(labels: Sequence[str], probabilities: Sequence[float]) -> Prediction:
    """A prediction from labels with BlazingText's prefix and their probabilities, the most probable first."""
    # fastText's float32 probabilities can exceed 1 by a rounding error.
    return Prediction(
        {
            label.removeprefix(LABEL_PREFIX): min(float(probability), 1.0)
            for label, probability in zip(labels, probabilities, strict=True)
        }
    )
