"""The decision on an evaluated model: whether to deploy it, and its approval status in the model registry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from include.aws.registry import Approval

if TYPE_CHECKING:
    from include.evaluation.comparison import Comparison
    from include.evaluation.metrics import Evaluation, GateMetric

Deploy = Literal["auto", "always", "never"]
DEPLOY: tuple[Deploy, ...] = get_args(Deploy)

MIN_GAIN_FOR_ADVICE = 0.05
"""A model that tells the labels apart by less than this is not worth another gate metric."""
TO_BE_DEPLOYED = "To be deployed"
"""A decision to deploy begins with this. The run's report replaces it once the endpoint is, or is not, deployed."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether to deploy, the approval status in the model registry, and a reason for each."""

    deploy: bool
    reason: str
    refused: bool
    """With deploy=auto, the gate or a person kept a model of the newest date from being deployed."""
    approval: Approval
    approval_reason: str


@dataclass(frozen=True, slots=True)
class Dates:
    """Dates of tweets, like 2026-01-31."""

    candidate: str
    newest: str
    """The newest date with labelled tweets."""
    champion: str | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """The check that a candidate must pass to be deployed with deploy=auto."""

    min_gain: float
    """By how much the lower end of the metric's interval must exceed what the majority baseline has."""
    min_test_tweets: int = 0
    """With fewer test tweets nothing is certain enough."""
    metric: GateMetric = "accuracy"
    """What must exceed the majority baseline, and must not be significantly worse than the champion's."""

    def doubt(self, evaluation: Evaluation) -> str | None:
        """Why nothing can be said about the model; None if something can."""
        if evaluation.tweets >= self.min_test_tweets:
            return None
        low, high = evaluation.accuracy_interval
        return (
            f"{evaluation.tweets:,} test tweets are too few to decide on (min_test_tweets is "
            f"{self.min_test_tweets:,}): the interval is {100 * (high - low):.0f} percentage points wide. Add dates "
            "(window_days) or labelled tweets."
        )

    def objection(self, evaluation: Evaluation, comparison: Comparison | None) -> str | None:
        """Why the model does not pass; None if it does."""
        figure = evaluation.figure(self.metric)
        gain = figure.interval[0] - figure.majority
        if not gain > self.min_gain:  # also where one of them is no number
            return (
                f"The lower end of the {figure.name}'s interval must exceed the majority baseline by more than "
                f"{100 * self.min_gain:.1f} percentage points. The difference is {100 * gain:+.1f}."
                f"{self._advice(evaluation)}"
            )
        if comparison is not None and comparison.worse(self.metric):
            is_accuracy = self.metric == "accuracy"
            words = (comparison.in_words if is_accuracy else comparison.balanced_in_words)("the champion")
            return f"On the same {comparison.tweets:,} test tweets it is {words}."
        return None

    def _advice(self, evaluation: Evaluation) -> str:
        """What to do where one label is so common that hardly any model has a higher accuracy than always that one."""
        balanced = evaluation.figure("balanced_accuracy")
        gain = balanced.interval[0] - balanced.majority
        if self.metric != "accuracy" or not gain > max(self.min_gain, MIN_GAIN_FOR_ADVICE):
            return ""
        return (
            f" But the model does tell the labels apart: {balanced.in_words()}. If the rare labels matter as much as "
            f"{evaluation.majority_label}, set gate_metric to balanced_accuracy."
        )


def decide(
    evaluation: Evaluation,
    comparison: Comparison | None,
    gate: Gate,
    deploy: Deploy,
    dates: Dates,
    manual_approval: Approval | None = None,
    rolled_back: str | None = None,
) -> Decision:
    """
    Decide on a candidate.

    A model that passes the gate is approved, whatever `deploy` says. If the champion's tweets are newer, or the test
    tweets too few, a person must approve it instead. With deploy=auto a model that passes is also deployed, if its date
    is the newest one. If a person has set an approval status, that overrides the gate.

    :param comparison: with the champion; None if there is none to compare with
    :param manual_approval: the approval status that a person has set on this model
    :param rolled_back: when the live endpoint has given this model up; None if it has not
    """
    doubt = gate.doubt(evaluation)
    objection = doubt or gate.objection(evaluation, comparison)
    if rolled_back is not None:
        objection = (
            f"The live endpoint has rolled this model back at {rolled_back}. A person can approve it in the model "
            "registry."
        )
    figures = evaluation.headline(gate.metric)
    approval, approval_reason = _approval(objection, doubt is not None, figures, dates, manual_approval)

    def decision(deployed: bool, reason: str, refused: bool = False) -> Decision:
        return Decision(deployed, reason, refused, approval, approval_reason)

    if deploy == "never":
        return decision(False, f"Not deployed: deploy=never ({figures}).")
    if deploy == "always":
        return decision(True, f"{TO_BE_DEPLOYED}: deploy=always ({figures}).{f' {objection}' if objection else ''}")
    if dates.candidate < dates.newest:
        return decision(
            False,
            f"Not deployed: there are labelled tweets of a newer date ({dates.newest}), and deploy=auto deploys only "
            f"the newest date's model ({figures}).",
        )
    if manual_approval is not None:
        deployed = manual_approval == "Approved"
        verb = TO_BE_DEPLOYED if deployed else "Not deployed"
        reason = f"{verb}: a person has set this model to {manual_approval} in the model registry ({figures})."
        return decision(deployed, reason, refused=not deployed)
    if objection:
        return decision(False, f"Not deployed: {figures}. {objection}", refused=True)
    return decision(True, f"{TO_BE_DEPLOYED}: {figures}.")


def _approval(
    objection: str | None, is_doubtful: bool, figures: str, dates: Dates, manual_approval: Approval | None
) -> tuple[Approval, str]:
    if manual_approval is not None:
        return manual_approval, f"Set by a person; {figures}."
    if objection:
        return "PendingManualApproval" if is_doubtful else "Rejected", f"{figures}. {objection}"
    if dates.champion is not None and dates.candidate < dates.champion:
        return "PendingManualApproval", f"{figures}; but the champion's tweets are newer ({dates.champion})."
    return "Approved", f"{figures}."
