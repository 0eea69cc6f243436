"""The tables of CloudWatch's user guide, and what holds for any data."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_aws.alarm_rule import ALARM, INSUFFICIENT_DATA, OK, AlarmRule

KEPT = "the state before"
POINTS = {"0": 0.0, "X": 9.0, "-": None}
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")


def state(points, missing, to_alarm=3):
    rule = AlarmRule("GreaterThanThreshold", 5.0, periods=3, to_alarm=to_alarm, missing=missing)
    return rule.state([POINTS[point] for point in points.split()], KEPT)


@pytest.mark.parametrize(
    ("points", "to_alarm", "expected"),
    [
        ("0 - X - X", 3, (OK, OK, OK, OK)),
        ("0 - - - -", 3, (OK, OK, OK, OK)),
        ("- - - - -", 3, (INSUFFICIENT_DATA, KEPT, ALARM, OK)),
        ("0 X X - X", 3, (ALARM, ALARM, ALARM, ALARM)),
        ("- - - - X", 3, (INSUFFICIENT_DATA, KEPT, ALARM, OK)),
        ("X - - - -", 3, (ALARM, KEPT, ALARM, OK)),
        ("- - X - -", 3, (ALARM, KEPT, ALARM, OK)),
        ("0 - X - X", 2, (ALARM, ALARM, ALARM, ALARM)),
        ("0 0 X 0 X", 2, (ALARM, ALARM, ALARM, ALARM)),
        ("0 - X - -", 2, (OK, OK, ALARM, OK)),
        ("- - - - 0", 2, (OK, OK, ALARM, OK)),
        ("- - - - X", 2, (INSUFFICIENT_DATA, KEPT, ALARM, OK)),
        ("- - - X -", 2, (ALARM, KEPT, ALARM, OK)),
    ],
)
def test_missing_data_as_in_the_user_guide(points, to_alarm, expected):
    assert tuple(state(points, missing, to_alarm) for missing in TREATMENTS) == expected


@pytest.mark.parametrize(
    ("comparison", "breaching"),
    [
        ("GreaterThanThreshold", [6]),
        ("GreaterThanOrEqualToThreshold", [5, 6]),
        ("LessThanThreshold", [4]),
        ("LessThanOrEqualToThreshold", [4, 5]),
    ],
)
def test_comparisons(comparison, breaching):
    rule = AlarmRule(comparison, 5.0, periods=1, to_alarm=1)

    assert [value for value in (4, 5, 6) if rule.state([None, None, float(value)], OK) == ALARM] == breaching


@given(st.data(), st.integers(1, 6))
def test_with_all_data_only_the_newest_periods_count(data, periods):
    to_alarm = data.draw(st.integers(1, periods))
    rule = AlarmRule("GreaterThanThreshold", 5.0, periods, to_alarm, data.draw(st.sampled_from(TREATMENTS)))
    values = data.draw(st.lists(st.floats(0, 10), min_size=rule.points, max_size=rule.points))

    breaching = sum(value > 5 for value in values[-periods:])

    assert rule.state(values, KEPT) == (ALARM if breaching >= to_alarm else OK)


@given(st.lists(st.one_of(st.none(), st.floats(0, 10)), min_size=5, max_size=5), st.integers(1, 3))
def test_breaching_alarms_at_least_as_often_as_any_other_treatment(values, to_alarm):
    states = {
        missing: AlarmRule("GreaterThanThreshold", 5.0, 3, to_alarm, missing).state(values, OK)
        for missing in TREATMENTS
    }

    assert ALARM not in states.values() or states["breaching"] == ALARM
    assert states["notBreaching"] != ALARM or set(states.values()) == {ALARM}
