"""The page as HTML, from the templates beside this module. All texts are escaped."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from hashtag_retrain.page.hashtags import DELETING, Evaluation
from include.report import charts

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup


def render(template: str, **values: object) -> str:
    """
    A page.

    :param template: the name of a file beside this module
    """
    return _environment().get_template(template).render(now=datetime.now(UTC), **values)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters |= {
        "chart": _chart,
        "duration": duration,
        "percent": lambda share: f"{share:.1%}",
        "percents": _percents,
        "moment": _moment,
        "web": web_address,
        "path": lambda text: quote(text, safe=""),
    }
    environment.globals |= {"LARGE": charts.LARGE, "CHART_STYLE": charts.STYLE, "key": charts.key, "DELETING": DELETING}
    return environment


def _chart(
    evaluations: Sequence[Evaluation], champion: tuple[str, float] | None, size: charts.Size = charts.SMALL
) -> Markup:
    dates = [
        charts.DateFigures(one.date, one.model.accuracy, one.model.accuracy_interval, one.model.majority_accuracy)
        for one in evaluations
    ]
    return charts.accuracy_by_date(dates, champion, size)


def web_address(text: str | None) -> str | None:
    """An address if it is one of the web; else None, so that no link runs a script."""
    if not text:
        return None
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    return text if parts.scheme in {"http", "https"} and parts.netloc else None


def duration(start: datetime, end: datetime) -> str:
    """The time between two moments in words, like 2 h 10 min or 3 d 4 h; 0 min if the end comes first."""
    minutes = max(0, round((end - start).total_seconds() / 60))
    hours, minutes = divmod(minutes, 60)
    days, rest = divmod(hours, 24)
    if days:
        return f"{days} d {rest} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _percents(interval: Sequence[float]) -> str:
    return f"{interval[0]:.1%} to {interval[1]:.1%}"


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
