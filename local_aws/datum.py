"""The values of one metric in a span of time, as the local AWS itself publishes them."""

import math
from array import array
from datetime import datetime

from moto.cloudwatch.models import MetricAggregatedDatum


class Datum(MetricAggregatedDatum):
    """All values of a metric from one point in time on."""

    def __init__(self, namespace: str, name: str, dimensions: dict[str, str], start: datetime, unit: str):
        pairs = [{"Name": key, "Value": value} for key, value in dimensions.items()]
        super().__init__(namespace, name, math.inf, -math.inf, 0, 0, pairs, start, unit)
        self.min: float
        self.max: float
        self.values = array("d")

    def add(self, value: float) -> None:
        self.values.append(value)
        self.sum += value
        self.sample_count += 1
        self.min, self.max = min(self.min, value), max(self.max, value)
