"""The run's report as a page: one file that loads nothing, for screens, phones and paper."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from include.report import charts

if TYPE_CHECKING:
    from jinja2 import Template

TEMPLATE = Path(__file__).with_name("page.html.jinja")
MAX_MATRIX_LABELS = 20
"""Of more labels, only the commonest confusions are shown: nobody reads a table of a hundred columns."""
CONFUSIONS = 20


def render(report: Mapping[str, Any]) -> str:
    """The page for a report as `describe_run` gives it; whatever tweets hold is escaped."""
    return _template().render(report=report, charts=_charts(report), confusions=_confusions(report.get("evaluation")))


@cache
def _template() -> "Template":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATE.parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": _percent, "duration": _duration, "interval": _interval}
    environment.globals["MAX_MATRIX_LABELS"] = MAX_MATRIX_LABELS
    return environment.get_template(TEMPLATE.name)


def _percent(share: float) -> str:
    return f"{share:.1%}"


def _interval(interval: Sequence[float] | None) -> str:
    return f"{interval[0]:.3f} to {interval[1]:.3f}" if interval else "too few test tweets for an interval"


def _duration(seconds: float) -> str:
    return f"{seconds:,.0f} s" if seconds < 120 else f"{seconds:,.0f} s ({timedelta(seconds=round(seconds))})"


def _charts(report: Mapping[str, Any]) -> dict[str, Any]:
    from markupsafe import Markup

    evaluation, training = report["evaluation"], report["training"] or {}
    drawn = {
        "reliability": charts.reliability(evaluation["reliability"]) if evaluation else "",
        "epochs": charts.accuracy_by_epoch(training["epochs"]) if training.get("epochs") else "",
        "history": charts.accuracy_by_date(report["history"], report["date"]) if report["history"] else "",
    }
    return {name: Markup(svg) for name, svg in drawn.items()}


def _confusions(evaluation: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The commonest wrong answers, by true label and prediction."""
    if not evaluation:
        return []
    wrong = [
        {"label": label, "predicted": predicted, "tweets": tweets}
        for label, row in evaluation["confusion"].items()
        for predicted, tweets in row.items()
        if label != predicted and tweets
    ]
    return sorted(wrong, key=lambda entry: -int(entry["tweets"]))[:CONFUSIONS]
