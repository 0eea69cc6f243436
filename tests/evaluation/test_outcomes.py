import tracemalloc

from include.evaluation.outcomes import Outcomes
from include.predictions import Prediction


def test_the_most_confident_mistakes_come_first():
    guesses = [Prediction({"marketing": share}) for share in (0.6, 0.9, 0.8)] + [Prediction({"technical": 0.99})]

    assert Outcomes.of(["technical"] * 4, guesses).most_confident_mistakes(2) == [1, 2]


def test_an_answer_without_labels_is_wrong():
    outcomes = Outcomes.of(["technical", "marketing"], iter([Prediction({}), Prediction({"marketing": 0.5})]))

    assert outcomes.right.tolist() == [False, True]
    assert outcomes.most_confident_mistakes(5) == [0]
    assert outcomes.losses[1] == 0.0  # the only known probability, scaled to a sum of 1


def test_the_memory_does_not_grow_with_the_labels():
    def peak(labels: int) -> int:
        names = [f"label{number}" for number in range(labels)]
        answers = (Prediction(dict.fromkeys(names, 1 / labels)) for _ in range(5_000))
        tracemalloc.start()
        Outcomes.of(["label0"] * 5_000, answers)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(100) < 1.5 * peak(2)
