"""The run's report as an HTML page: a single file that loads nothing else, for screens, phones and paper."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from include.report import charts
from include.report.document import Status

if TYPE_CHECKING:
    from jinja2 import Template

TEMPLATE = Path(__file__).with_name("page.html.jinja")
MAX_MATRIX_LABELS = 20
"""With more labels, the page lists the most frequent confusions instead of a confusion matrix."""
MAX_CONFUSIONS = 20
SIGNS: Mapping[Status, str] = {
    "deployed": "✓",
    "rolled back": "↩",
    "not deployed": "⊘",
    "failed": "✗",
    "skipped": "↷",
    "unfinished": "…",
    "evaluated": "ⓘ",
}


def render(report: Mapping[str, Any]) -> str:
    """Make the page of a report by `describe_run`. All texts are escaped, because tweets can contain HTML."""
    evaluation = report["evaluation"]
    return template().render(
        report=report,
        sign=SIGNS[report["status"]],
        charts=_charts(report),
        confusions=_confusions(evaluation),
        words=_with_percents(evaluation["words"]) if evaluation else {},
    )


@cache
def template() -> "Template":
    """The page's template, compiled once in a process."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATE.parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": _percent,
        "percents": _percents,
        "duration": _duration,
        "interval": _interval,
    }
    environment.globals["MAX_MATRIX_LABELS"] = MAX_MATRIX_LABELS
    return environment.get_template(TEMPLATE.name)


def _percent(share: float) -> str:
    return f"{share:.1%}"


def _percents(interval: Sequence[float]) -> str:
    return f"{interval[0]:.1%} to {interval[1]:.1%}"


def _interval(interval: Sequence[float] | None) -> str:
    return f"{interval[0]:.3f} to {interval[1]:.3f}" if interval else "no interval can be estimated"


def _duration(seconds: float) -> str:
    return f"{seconds:,.0f} s" if seconds < 120 else f"{seconds:,.0f} s ({timedelta(seconds=round(seconds))})"


def _charts(report: Mapping[str, Any]) -> dict[str, Any]:
    from markupsafe import Markup

    evaluation, training = report["evaluation"], report["training"] or {}
    drawn = {
        "reliability": charts.reliability(evaluation["reliability"]) if evaluation else "",
        "epochs": charts.accuracy_by_epoch(training["epochs"]) if training.get("epochs") else "",
        # A single date is a number, and no chart.
        "history": charts.accuracy_by_date(report["history"], report["date"]) if len(report["history"]) > 1 else "",
    }
    return {name: Markup(svg) for name, svg in drawn.items()}


def _with_percents(words_by_label: Mapping[str, Any]) -> dict[str, Any]:
    """Each word's weight in percent of the largest weight of all, for the lengths of the bars."""
    largest = max((entry["weight"] for words in words_by_label.values() for entry in words), default=1.0)
    return {
        label: [{**entry, "percent": max(0, round(100 * entry["weight"] / largest))} for entry in words]
        for label, words in words_by_label.items()
    }


def _confusions(evaluation: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The most frequent confusions of two labels."""
    if not evaluation:
        return []
    wrong = [
        {"label": label, "predicted": predicted, "tweets": tweets}
        for label, row in evaluation["confusion"].items()
        for predicted, tweets in row.items()
        if label != predicted and tweets
    ]
    return sorted(wrong, key=lambda entry: -int(entry["tweets"]))[:MAX_CONFUSIONS]
