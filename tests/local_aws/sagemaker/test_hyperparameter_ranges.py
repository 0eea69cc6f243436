import itertools

from hypothesis import given
from hypothesis import strategies as st

from local_aws.sagemaker.hyperparameter_ranges import combinations, samples


@given(
    st.sampled_from(["Auto", "Linear", "Logarithmic", "ReverseLogarithmic"]),
    st.tuples(st.floats(1e-6, 0.999), st.floats(1e-6, 0.999)).map(sorted),
    st.tuples(st.integers(1, 10**7), st.integers(1, 10**7)).map(sorted),
    st.integers(),
)
def test_samples_stay_within_their_ranges(scaling, numbers, integers, seed):
    integer_scaling = "Auto" if scaling == "ReverseLogarithmic" else scaling
    ranges = {
        "ContinuousParameterRanges": [
            {"Name": "n", "MinValue": repr(numbers[0]), "MaxValue": repr(numbers[1]), "ScalingType": scaling}
        ],
        "IntegerParameterRanges": [
            {
                "Name": "i",
                "MinValue": str(integers[0]),
                "MaxValue": str(integers[1]),
                "ScalingType": integer_scaling,
            }
        ],
        "CategoricalParameterRanges": [{"Name": "c", "Values": ["x", "y"]}],
    }

    for sample in itertools.islice(samples(ranges, seed), 5):
        assert numbers[0] <= float(sample["n"]) <= numbers[1]
        assert integers[0] <= int(sample["i"]) <= integers[1]
        assert sample["c"] in "xy"


def test_no_ranges_are_one_combination():
    assert list(combinations({})) == [{}]
