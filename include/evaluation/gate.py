"""Whether a model has earned to be deployed, and to be the champion that the next one is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from include.evaluation.comparison import Comparison
    from include.evaluation.metrics import Evaluation

Deploy = Literal["auto", "always", "never"]
DEPLOY: tuple[Deploy, ...] = get_args(Deploy)

TO_BE_DEPLOYED = "To be deployed"
"""How the reason begins of a decision to deploy: whether it comes to that, the decision does not know."""

Approval = Literal["Approved", "Rejected", "PendingManualApproval"]
"""SageMaker's words in the model registry."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether to deploy, with the reason in words, and the approval status in the model registry."""

    deploy: bool
    reason: str
    refused: bool
    """The model would have been deployed, had it been good enough, or had a person not withheld it."""
    approval: Approval
    approval_reason: str


@dataclass(frozen=True, slots=True)
class Dates:
    """Dates of tweets, as 2026-01-31."""

    candidate: str
    newest: str
    """The newest one with labelled tweets."""
    champion: str | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """What a candidate must pass with deploy=auto."""

    min_gain: float
    """The lower end of the accuracy's interval must exceed the majority's accuracy by more than this share."""

    def objection(self, evaluation: Evaluation, comparison: Comparison | None) -> str | None:
        """Why the model has not earned deployment; None where it has."""
        gain = evaluation.accuracy_interval[0] - evaluation.majority_accuracy
        if gain <= self.min_gain:
            return (
                f"The interval's lower end must exceed the majority by more than {100 * self.min_gain:.1f} points; "
                f"the difference is {100 * gain:+.1f}."
            )
        if comparison is not None and comparison.significantly_worse:
            return f"Beside the champion, on the same {comparison.tweets:,} test tweets, it is {comparison.in_words()}."
        return None


def decide(
    evaluation: Evaluation,
    comparison: Comparison | None,
    gate: Gate,
    deploy: Deploy,
    dates: Dates,
    manual_approval: Approval | None = None,
) -> Decision:
    """
    The decision on a candidate. A model that passes the gate is approved, whatever `deploy` says; with deploy=auto it
    is deployed as well if its date is the newest. A person's word in the registry counts for more than the gate.

    :param comparison: with the champion; None where there is none to compare with
    :param manual_approval: the approval status that a person has given this very model
    """
    objection = gate.objection(evaluation, comparison)
    figures = evaluation.headline()
    approval, approval_reason = _approval(objection, figures, dates, manual_approval)

    def decision(deployed: bool, reason: str, refused: bool = False) -> Decision:
        return Decision(deployed, reason, refused, approval, approval_reason)

    if deploy == "never":
        return decision(False, f"Not deployed: deploy=never ({figures}).")
    if deploy == "always":
        return decision(True, f"{TO_BE_DEPLOYED}: deploy=always ({figures}).{f' {objection}' if objection else ''}")
    if dates.candidate < dates.newest:
        return decision(
            False,
            f"Not deployed: labelled tweets of a newer date are there ({dates.newest}), and deploy=auto serves the "
            f"newest only ({figures}).",
        )
    if manual_approval is not None:
        deployed = manual_approval == "Approved"
        verb = TO_BE_DEPLOYED if deployed else "Not deployed"
        reason = f"{verb}: a person has set this model to {manual_approval} in the registry ({figures})."
        return decision(deployed, reason, refused=not deployed)
    if objection:
        return decision(False, f"Not deployed: {figures}. {objection}", refused=True)
    return decision(True, f"{TO_BE_DEPLOYED}: {figures}.")


def _approval(
    objection: str | None, figures: str, dates: Dates, manual_approval: Approval | None
) -> tuple[Approval, str]:
    if manual_approval is not None:
        return manual_approval, f"A person has decided; {figures}."
    if objection:
        return "Rejected", f"{figures}. {objection}"
    if dates.champion is not None and dates.candidate < dates.champion:
        return "PendingManualApproval", f"{figures}; but the champion is of a newer date, {dates.champion}."
    return "Approved", f"{figures}."
