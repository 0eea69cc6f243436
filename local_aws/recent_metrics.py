"""
The newest values of the metrics that the local AWS itself publishes, by the minute of its own clock. Alarms read them:
CloudWatch's own minutes are longer than the local AWS's, unless its pace is that of AWS.
"""

import threading
import time
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from itertools import takewhile

from local_aws.datum import Datum

MAX_MINUTES = 1440
"""Of a metric: a day, which is the longest that an alarm with a period of less than an hour looks back."""
MAX_SERIES = 10_000
"""Metrics. The one that was published first goes first."""

Series = tuple[str, str, frozenset[tuple[str, str]]]
"""Namespace, name and dimensions."""


class RecentMetrics:
    """The values of an account and region."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._minutes: dict[Series, deque[Datum]] = {}

    def add(
        self, minute: float, namespace: str, dimensions: dict[str, str], values: Mapping[str, tuple[float, str]]
    ) -> None:
        """
        :param minute: how long a minute lasts, in seconds
        :param values: value and unit by the name of the metric
        """
        start = datetime.fromtimestamp(time.time() // minute * minute, UTC)
        with self._lock:
            for name, (value, unit) in values.items():
                minutes = self._minutes_of((namespace, name, frozenset(dimensions.items())))
                if not minutes or minutes[-1].timestamp != start:
                    minutes.append(Datum(namespace, name, dimensions, start, unit))
                minutes[-1].add(value)

    def _minutes_of(self, series: Series) -> deque[Datum]:
        if series not in self._minutes:
            if len(self._minutes) >= MAX_SERIES:
                del self._minutes[next(iter(self._minutes))]
            self._minutes[series] = deque(maxlen=MAX_MINUTES)
        return self._minutes[series]

    def of(self, series: Series, since: datetime) -> list[Datum] | None:
        """The minutes of a metric that had values, the newest first; None for a metric that has never had any."""
        with self._lock:
            minutes = self._minutes.get(series)
            if minutes is None:
                return None
            return list(takewhile(lambda datum: datum.timestamp >= since, reversed(minutes)))


@cache
def recent_metrics(account_id: str, region: str) -> RecentMetrics:
    return RecentMetrics()
