"""
When an alarm changes its state.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass

OK, ALARM, INSUFFICIENT_DATA = "OK", "ALARM", "INSUFFICIENT_DATA"
MISSING, IGNORE, BREACHING, NOT_BREACHING = "missing", "ignore", "breaching", "notBreaching"
"""How an alarm treats missing data; `MISSING` is the default."""
MORE_POINTS = 2
"""
CloudWatch looks at more data points than EvaluationPeriods. How many it does not say; in its own examples it looks at
five for an alarm of three.
"""

Comparison = Callable[[float, float], bool]
COMPARISONS: dict[str, tuple[Comparison, str]] = {
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}
"""Comparisons with a threshold, and how CloudWatch words them."""


@dataclass(frozen=True)
class AlarmRule:
    """So many of the newest data points must breach a threshold."""

    comparison: str
    threshold: float
    periods: int
    """EvaluationPeriods: the N of an alarm M out of N."""
    to_alarm: int
    """DatapointsToAlarm: its M."""
    missing: str = MISSING

    @property
    def points(self) -> int:
        """How many data points CloudWatch looks at."""
        return self.periods + MORE_POINTS

    def breaches(self, value: float) -> bool:
        return COMPARISONS[self.comparison][0](value, self.threshold)

    def state(self, values: Sequence[float | None], current: str) -> str:
        """
        The alarm's state.

        :param values: the data points of the newest `points` periods, the oldest first; None where there is none
        """
        newest = [value for value in values if value is not None][-self.periods :]
        breaching = sum(map(self.breaches, newest))
        absent = self.periods - len(newest)
        if absent and self.missing == BREACHING:
            breaching += absent
        if breaching >= self.to_alarm:
            return ALARM
        if not absent or self.missing in {BREACHING, NOT_BREACHING} or breaching < len(newest):
            return OK
        return self._without_enough(values, current)

    def _without_enough(self, values: Sequence[float | None], current: str) -> str:
        """The state if every data point breaches, but there are too few, or there is none."""
        if self.missing == IGNORE:
            return current
        ages = [age for age, value in enumerate(reversed(values), start=1) if value is not None]
        # CloudWatch waits for what comes after a single breaching data point, but not for ever.
        return ALARM if ages and max(ages) >= self.to_alarm else INSUFFICIENT_DATA
