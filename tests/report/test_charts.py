from functools import partial

import pytest

from include.report.charts import accuracy_by_date, accuracy_by_epoch, reliability
from tests.report.reports import history_of

CHARTS = {
    "reliability": partial(reliability, [{"probability": 0.9, "accuracy": 0.8, "tweets": 5}]),
    "epochs": partial(accuracy_by_epoch, [{"epoch": 5, "validation_accuracy": 0.5}]),
    "dates": partial(accuracy_by_date, history_of("2026-01-06", "2026-01-07"), "2026-01-07"),
}


@pytest.mark.parametrize("draw", CHARTS.values(), ids=CHARTS)
def test_a_chart_is_one_element_and_the_same_for_the_same_figures(draw):
    svg = draw()

    assert svg.startswith("<svg")
    assert svg.rstrip().endswith("</svg>")
    assert draw() == svg


def test_of_many_dates_some_are_named_and_the_reports_own_always():
    dates = [f"2026-01-{day:02}" for day in range(1, 31)]

    svg = accuracy_by_date(history_of(*dates), "2026-01-29")

    named = [date for date in dates if date in svg]
    assert len(named) < 15
    assert "2026-01-29" in named
