"""Ask a live endpoint the smoke tests of two versions, and tell from the answers which of them has answered."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from include.blazingtext.inference import invocation, parse_answer
from include.config.errors import EvaluationError
from include.predictions import Prediction, check_same

SmokeTests = Sequence[dict[str, Any]]
"""See `include.evaluation.smoke_tests`."""


@dataclass(slots=True)
class Answers:
    """How many answers came from where."""

    new: int = 0
    old: int = 0
    failed: int = 0
    """Requests without an answer, and answers that neither version gives."""
    words: str = ""
    """About the newest of those."""

    def __str__(self) -> str:
        failed = f"; {self.failed} failed: {self.words}" if self.failed else ""
        return f"{self.new} answers of the new model, {self.old} of the old one{failed}"


@dataclass(frozen=True, slots=True)
class Probe:
    """
    :param runtime: a boto3 client of sagemaker-runtime
    :param new: the smoke tests of the version that is to serve; without any the endpoint is not asked
    :param old: those of the version that has served so far; without any, an answer that is not the new version's counts
        as the old one's
    """

    runtime: Any
    endpoint_name: str
    new: SmokeTests
    old: SmokeTests = field(default=())

    def ask(self, times: int = 1) -> Answers:
        """Ask so often. Each request has the tweets of both versions."""
        answers = Answers()
        for _ in range(times if self.new else 0):
            try:
                if self._is_new(self._answer()):
                    answers.new += 1
                else:
                    answers.old += 1
            except (ClientError, BotoCoreError, EvaluationError) as error:
                answers.failed += 1
                answers.words = str(error)
        return answers

    def _answer(self) -> list[Prediction]:
        tests = [*self.new, *self.old]
        labels = max(len(test["expected"]) for test in tests)
        body = invocation([test["instance"] for test in tests], k=max(labels, 1))
        answer = self.runtime.invoke_endpoint(
            EndpointName=self.endpoint_name, ContentType="application/json", Body=json.dumps(body)
        )
        return parse_answer(answer["Body"].read())

    def _is_new(self, answered: list[Prediction]) -> bool:
        """
        :raises EvaluationError: it is neither version's answer
        """
        if len(answered) != len(self.new) + len(self.old):
            raise EvaluationError(f"{len(answered)} of {len(self.new) + len(self.old)} tweets were answered")
        try:
            check_same(_expected(self.new), answered[: len(self.new)])
        except EvaluationError as error:
            try:
                check_same(_expected(self.old), answered[len(self.new) :])
            except EvaluationError:
                raise error from None
            return False
        return True


def _expected(tests: SmokeTests) -> list[Prediction]:
    return [Prediction(test["expected"]) for test in tests]
