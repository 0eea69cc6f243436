"""The run's report as an HTML page: a single file that loads nothing else, for screens, phones and paper."""

from collections.abc import Callable, Mapping, Sequence
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
MODEL_CHARTS: Mapping[str, Callable[[Any], str]] = {
    "reliability": charts.reliability,
    "epochs": charts.accuracy_by_epoch,
}
Drawn = dict[str, dict[str, Any]]
"""Charts by name: the `figures` that they show, and the `svg`."""
SIGNS: Mapping[Status, str] = {
    "deployed": "✓",
    "rolled back": "↩",
    "not deployed": "⊘",
    "failed": "✗",
    "skipped": "↷",
    "unfinished": "…",
    "evaluated": "ⓘ",
}


def render(report: Mapping[str, Any], drawn: Drawn | None = None) -> str:
    """
    Make the page of a report by `describe_run`. All texts are escaped, because tweets can contain HTML.

    :param drawn: by `draw`; if there is none, this draws the charts itself
    """
    from markupsafe import Markup

    evaluation, history = report["evaluation"], report["history"]
    shown = {name: Markup(chart["svg"]) for name, chart in (draw(report) if drawn is None else drawn).items()}
    # A single date is a number, and no chart.
    if len(history) > 1:
        shown["history"] = Markup(charts.accuracy_by_date(history, report["date"]))
    return template().render(
        report=report,
        sign=SIGNS[report["status"]],
        charts=shown,
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


def draw(report: Mapping[str, Any], earlier: Drawn | None = None) -> Drawn:
    """
    Draw the charts of a model. Matplotlib takes as long for one as the rest of a report does.

    :param earlier: the same of an earlier report of the run. Charts of the same figures are not drawn again.
    """
    evaluation, training = report["evaluation"] or {}, report["training"] or {}
    figures = {"reliability": evaluation.get("reliability"), "epochs": training.get("epochs")}
    drawn = {}
    for name, shown in figures.items():
        before = (earlier or {}).get(name)
        if shown:
            drawn[name] = before if before and before["figures"] == shown else _draw(name, shown)
    return drawn


def _draw(name: str, figures: Any) -> dict[str, Any]:
    return {"figures": figures, "svg": MODEL_CHARTS[name](figures)}


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
