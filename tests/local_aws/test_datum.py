from datetime import UTC, datetime

import pytest

from local_aws.datum import Datum


def test_it_has_the_figures_of_all_its_values():
    datum = Datum("AWS/SageMaker", "ModelLatency", {"EndpointName": "e"}, datetime(2026, 1, 7, tzinfo=UTC), "Count")

    for value in (3.0, -1.5, 2.0):
        datum.add(value)

    assert (datum.min, datum.max, datum.sum, datum.sample_count) == (-1.5, 3.0, pytest.approx(3.5), 3)
    assert list(datum.values) == [3.0, -1.5, 2.0]
    assert [(one.name, one.value) for one in datum.dimensions] == [("EndpointName", "e")]
