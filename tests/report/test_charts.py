import re
from functools import partial
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.report.charts import (
    LARGE,
    MEDIUM,
    SMALL,
    STYLE,
    DateFigures,
    accuracy_by_date,
    accuracy_by_epoch,
    key,
    reliability,
)

SHARES = st.floats(0, 1)
INTERVALS = st.tuples(SHARES, SHARES).map(sorted)
FIGURES = st.builds(
    DateFigures,
    date=st.dates().map(str),
    accuracy=st.none() | SHARES,
    interval=st.none() | INTERVALS,
    majority=SHARES,
    earlier_champion=st.none() | st.tuples(SHARES, INTERVALS),
)
BINS = st.fixed_dictionaries({"probability": SHARES, "accuracy": SHARES, "tweets": st.integers(1, 10**6)})
EPOCHS = st.fixed_dictionaries({"epoch": st.integers(1, 1000), "validation_accuracy": SHARES})
NUMBERS = re.compile(r"-?[\d.]+")


def days(number: int) -> list[DateFigures]:
    return [DateFigures(f"2026-01-{day:02}", 0.8, (0.7, 0.9), 0.6) for day in range(1, number + 1)]


def elements(svg: str, name: str) -> list[ElementTree.Element]:
    return [element for element in ElementTree.fromstring(svg).iter() if element.get("class") == name]


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter("text")]


@given(st.lists(FIGURES, min_size=1), SHARES, st.sampled_from([SMALL, MEDIUM, LARGE]))
def test_all_dates_and_the_champion_are_within_the_chart(dates, champion, size):
    stays_inside(accuracy_by_date(dates, (dates[0].date, champion), size), size)


@given(st.lists(BINS, min_size=1, max_size=20))
def test_all_probabilities_are_within_the_chart(bins):
    svg = reliability(bins)

    stays_inside(svg, MEDIUM)
    assert len(elements(svg, "dot")) == len(bins)


@given(st.lists(EPOCHS, min_size=1, max_size=200))
def test_all_epochs_are_within_the_chart(epochs):
    stays_inside(accuracy_by_epoch(epochs), MEDIUM)


def stays_inside(svg: str, size) -> None:
    for element in ElementTree.fromstring(svg).iter():
        points = re.findall(r"([\d.-]+) ([\d.-]+)", element.get("d") or element.get("transform") or "")
        assert all(0 <= float(x) <= size.width and 0 <= float(y) <= size.height for x, y in points)


def test_a_higher_share_is_drawn_higher_and_a_later_date_further_to_the_right():
    svg = accuracy_by_date([DateFigures("2026-01-01", 0.6), DateFigures("2026-01-02", 0.9)])

    (points,) = elements(svg, "points")
    (first_x, first_y), (second_x, second_y) = re.findall(r"M([\d.]+) ([\d.]+)", points.get("d"))
    assert float(first_x) < float(second_x)
    assert float(first_y) > float(second_y)


def test_the_lines_of_the_grid_are_where_their_shares_say():
    svg = accuracy_by_date([DateFigures("2026-01-01", 0.6, (0.52, 0.88))], size=LARGE)

    lines = [float(NUMBERS.findall(path.get("d"))[1]) for path in elements(svg, "grid")]
    shares = [float(text.rstrip("%")) / 100 for text in texts(svg) if text.endswith("%")]
    (low, first), (high, last) = (shares[0], lines[0]), (shares[-1], lines[-1])
    (points,) = elements(svg, "points")
    y = float(NUMBERS.findall(points.get("d"))[1])
    assert low + (first - y) / (first - last) * (high - low) == pytest.approx(0.6, abs=0.002)
    assert shares == pytest.approx([0.5, 0.6, 0.7, 0.8, 0.9])


@pytest.mark.parametrize("size", [SMALL, MEDIUM, LARGE])
def test_of_many_dates_some_are_named_and_the_reports_own_always(size):
    dates = days(30)

    named = texts(accuracy_by_date(dates, size=size, named="2026-01-29"))

    assert "2026-01-29" in named
    assert 3 <= len([text for text in named if text.startswith("2026")]) <= 14
    assert {"2026-01-01", "2026-01-30"} <= set(texts(accuracy_by_date(dates, size=size)))


def test_the_champion_has_a_star_at_its_own_accuracy_and_an_earlier_one_a_mark_of_its_own():
    dates = [*days(2), DateFigures("2026-01-03", 0.9, (0.8, 0.95), 0.6, (0.7, (0.6, 0.8)))]

    svg = accuracy_by_date(dates, ("2026-01-02", 0.8))

    (points,) = elements(svg, "points")
    (star,) = elements(svg, "star")
    assert NUMBERS.findall(star.get("transform")) == NUMBERS.findall(points.get("d"))[3:5]
    assert len(elements(svg, "earlier")) == 1
    assert elements(accuracy_by_date(days(3), ("2025-12-31", 0.8)), "star") == []


def test_a_dot_stands_for_its_tweets_by_its_area():
    svg = reliability(
        [{"probability": 0.5, "accuracy": 0.4, "tweets": 1}, {"probability": 1, "accuracy": 1, "tweets": 900}]
    )

    small, large = (float(dot.get("r")) for dot in elements(svg, "dot"))
    assert small < large / 2
    assert {"1", "900"} <= set(texts(svg))


def test_the_best_epoch_is_marked():
    svg = accuracy_by_epoch(
        [{"epoch": 5 + number, "validation_accuracy": share} for number, share in enumerate((0.5, 0.7, 0.6))]
    )

    (points,), (best,) = elements(svg, "points"), elements(svg, "best")
    assert NUMBERS.findall(best.get("d"))[:2] == NUMBERS.findall(points.get("d"))[3:5]
    assert {"5", "6", "7"} <= set(texts(svg))


CHARTS = {
    "dates": (
        partial(
            accuracy_by_date, [DateFigures("2026-01-01", 0.8, (0.7, 0.9), 0.6, (0.5, (0.4, 0.6)))], ("2026-01-01", 1)
        ),
        ["majority", "champion", "earlier"],
    ),
    "reliability": (partial(reliability, [{"probability": 0.9, "accuracy": 0.8, "tweets": 5}]), ["calibrated"]),
    "epochs": (partial(accuracy_by_epoch, [{"epoch": 5, "validation_accuracy": 0.5}] * 2), ["best"]),
}


@pytest.mark.parametrize(("draw", "names"), CHARTS.values(), ids=CHARTS)
def test_whatever_a_chart_shows_has_a_style_and_its_legends_show_the_same(draw, names):
    drawn = {element.get("class") for element in ElementTree.fromstring(draw()).iter()} - {None}
    marks = {element.get("class") for name in names for element in ElementTree.fromstring(key(name)).iter()} - {"key"}

    assert all(f".{name} " in STYLE or f".{name}," in STYLE for name in drawn | marks)
    assert marks <= drawn
