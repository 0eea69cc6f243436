"""How the traffic is split among fleets and their variants."""

import threading
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from local_aws.sagemaker.fleet import Fleet
from local_aws.sagemaker.traffic import Traffic


def fleet(name, **weights):
    variants = [{"VariantName": variant, "InitialVariantWeight": weight} for variant, weight in weights.items()]
    return Fleet(None, "e", name, variants, {}, dict.fromkeys(weights))


def opened(traffic, variant=None):
    with traffic.open(variant) as chosen:
        return chosen and (chosen[0].config_name, chosen[1])


def test_a_share_is_a_share():
    traffic = Traffic()
    old, new = fleet("old", a=1.0, b=0.0), fleet("new", a=1.0, b=3.0)
    traffic.share([(old, 1.0)], new, 0.2)

    counts = Counter(opened(traffic) for _ in range(10_000))

    assert set(counts) == {("old", "a"), ("new", "a"), ("new", "b")}
    assert 7_800 < counts["old", "a"] < 8_200
    assert 1_350 < counts["new", "b"] < 1_650


@given(st.lists(st.floats(0, 1), max_size=5), st.floats(0, 1))
def test_the_shares_of_all_fleets_are_the_whole(parts, share):
    total = sum(parts)
    base = [(fleet(str(number)), part / total) for number, part in enumerate(parts) if total > 1e-3] or [
        (fleet("0"), 1.0)
    ]
    traffic = Traffic()

    traffic.share(base, fleet("new"), share)

    assert abs(sum(part for _, part in traffic.routes) - 1) < 1e-9


def test_a_variant_is_asked_for_by_name():
    traffic = Traffic()
    assert opened(traffic) is None
    traffic.set([(fleet("old", a=1.0), 0.5), (fleet("new", b=1.0), 0.5)])

    assert opened(traffic, "a") == ("old", "a")
    assert opened(traffic, "b") == ("new", "b")
    assert opened(traffic, "c") is None


def test_a_fleet_without_traffic_is_idle_when_its_last_request_has_ended():
    traffic, old = Traffic(), fleet("old", a=1.0)
    traffic.set([(old, 1.0)])
    entered, leave = threading.Event(), threading.Event()

    def request():
        with traffic.open(None):
            entered.set()
            leave.wait()

    thread = threading.Thread(target=request)
    thread.start()
    entered.wait()
    traffic.set([(fleet("new", a=1.0), 1.0)])

    assert traffic.wait_until_idle([old], 0.02) is False
    leave.set()
    assert traffic.wait_until_idle([old], 5) is True
    thread.join()
