import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_aws.sagemaker.variants import (
    describe,
    describe_pending,
    desire,
    give_up,
    instance_count,
    instances_of_share,
    reach,
    retain,
    weight,
)

VARIANT = {"VariantName": "a", "InitialVariantWeight": 2.0, "InitialInstanceCount": 4, "InstanceType": "ml.m5.large"}
WANTED = {"VariantName": "a", "DesiredWeight": 0.0, "DesiredInstanceCount": 1}


def test_what_a_variant_became_counts_and_not_what_it_began_with():
    changed = VARIANT | {"CurrentWeight": 0.0, "CurrentInstanceCount": 1}

    assert (weight({}), instance_count({})) == (1.0, 1)
    assert (weight(VARIANT), instance_count(VARIANT)) == (2.0, 4)
    assert (weight(changed), instance_count(changed)) == (0.0, 1)


@pytest.mark.parametrize(
    ("count", "share", "expected"),
    [(4, 0.25, 1), (4, 0.26, 2), (4, 1.0, 4), (4, 0.01, 1), (1, 0.5, 1), (10, 0.1 + 0.2, 3), (3, 1 / 3, 1)],
)
def test_a_share_of_a_capacity_is_whole_instances_and_one_at_least(count, share, expected):
    assert instances_of_share({"InitialInstanceCount": count}, share) == expected


def test_a_change_is_shown_as_desired_until_it_is_reached():
    others = VARIANT | {"VariantName": "b"}
    wanted = desire([VARIANT, others], [WANTED])

    changing = describe(wanted[0])
    assert (changing["CurrentWeight"], changing["DesiredWeight"]) == (2.0, 0.0)
    assert (changing["CurrentInstanceCount"], changing["DesiredInstanceCount"]) == (4, 1)
    assert wanted[1] == others

    changed = describe(reach(wanted)[0])
    assert (changed["CurrentWeight"], changed["DesiredWeight"]) == (0.0, 0.0)
    assert (changed["CurrentInstanceCount"], changed["DesiredInstanceCount"]) == (1, 1)


def test_only_what_was_asked_for_changes():
    (variant,) = reach(desire([VARIANT], [{"VariantName": "a", "DesiredInstanceCount": 7}]))

    assert (weight(variant), instance_count(variant)) == (2.0, 7)


@given(st.floats(0, 1000), st.integers(1, 1000))
def test_a_change_that_was_given_up_leaves_no_trace(wanted_weight, count):
    changed = reach(desire([VARIANT], [WANTED]))
    wanted = [{"VariantName": "a", "DesiredWeight": wanted_weight, "DesiredInstanceCount": count}]

    (after,) = give_up(desire(changed, wanted))

    assert describe(after) == describe(changed[0])


def test_instances_that_are_not_all_there_are_counted_as_they_are():
    assert describe(VARIANT, instances=0)["CurrentInstanceCount"] == 0
    assert describe(VARIANT, instances=0)["DesiredInstanceCount"] == 4


def test_the_status_and_the_instances_type_are_shown_where_they_are_known():
    status = {"Status": "Baking"}

    assert "VariantStatus" not in describe(VARIANT)
    pending = describe_pending(VARIANT, status, 2)
    assert (pending["InstanceType"], pending["CurrentInstanceCount"]) == ("ml.m5.large", 2)
    assert pending["VariantStatus"] == [status]
    assert "InstanceType" not in describe_pending({"VariantName": "serverless"}, status, 1)


@pytest.mark.parametrize(
    ("excluded", "expected"),
    [
        ((), (5.0, 3)),
        (("DesiredWeight",), (2.0, 3)),
        (("DesiredInstanceCount",), (5.0, 4)),
        (("DesiredWeight", "DesiredInstanceCount"), (2.0, 4)),
    ],
)
def test_a_new_configuration_retains_what_the_variants_became_but_for_what_is_excluded(excluded, expected):
    old = [{"VariantName": "a", "CurrentWeight": 5.0, "CurrentInstanceCount": 3}, {"VariantName": "gone"}]
    added = VARIANT | {"VariantName": "new"}

    retained, new = retain([VARIANT, added], old, excluded)

    assert (weight(retained), instance_count(retained)) == expected
    assert new == added
