from datetime import UTC, datetime

from include.live.bill import live_endpoint_of, live_endpoints


def test_it_tells_versions_ages_and_this_months_hours(register, promote, clients, hashtag, settings, monkeypatch):
    promote(register("2026-01-01"))
    describe = clients.sagemaker.describe_endpoint

    def created_before(**request):
        return {**describe(**request), "CreationTime": datetime(2026, 11, 30, 12, tzinfo=UTC)}

    monkeypatch.setattr(clients.sagemaker, "describe_endpoint", created_before)
    monkeypatch.setattr("include.live.bill.time_of", lambda answer: datetime(2026, 12, 2, 12, tzinfo=UTC))

    found = live_endpoint_of(clients.sagemaker, hashtag, settings.deployment)

    assert (found.hashtag, found.version, found.status) == (hashtag, "1", "InService")
    assert (found.age_hours, found.hours_this_month) == (48, 36)
    assert "AWS bills 1 x ml.m5.large, this month 36.0 instance hours so far" in str(found)
    assert [one.name for one in live_endpoints(clients.sagemaker, settings.deployment)] == [found.name]
    assert live_endpoints(clients.sagemaker, "another/deployment") == []
