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
    from markupsafe import Markup

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
        "reliability": charts.reliability,
        "accuracy_by_epoch": charts.accuracy_by_epoch,
        "accuracy_by_date": _accuracy_by_date,
    }
    environment.globals |= {
        "MAX_MATRIX_LABELS": MAX_MATRIX_LABELS,
        "CHART_STYLE": charts.STYLE,
        "key": charts.key,
    }
    return environment.get_template(TEMPLATE.name)


def _percent(share: float) -> str:
    return f"{share:.1%}"


def _percents(interval: Sequence[float]) -> str:
    return f"{interval[0]:.1%} to {interval[1]:.1%}"


def _interval(interval: Sequence[float] | None) -> str:
    return f"{interval[0]:.3f} to {interval[1]:.3f}" if interval else "no interval can be estimated"


def _duration(seconds: float) -> str:
    return f"{seconds:,.0f} s" if seconds < 120 else f"{seconds:,.0f} s ({timedelta(seconds=round(seconds))})"


def _accuracy_by_date(history: Sequence[Mapping[str, Any]], date: str) -> "Markup":
    dates = [
        charts.DateFigures(
            entry["date"],
            entry["accuracy"],
            entry["accuracy_interval"],
            entry["majority_accuracy"],
            (earlier["accuracy"], earlier["accuracy_interval"]) if (earlier := entry["earlier_champion"]) else None,
        )
        for entry in history
    ]
    champion = next(((entry["date"], entry["accuracy"]) for entry in history if entry["champion"]), None)
    return charts.accuracy_by_date(dates, champion, charts.MEDIUM, named=date)


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
