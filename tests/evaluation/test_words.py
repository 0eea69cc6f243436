import random

from include.evaluation.words import telling_words

TRAIN = [("technical", "the kernel"), ("marketing", "the coupon")] * 50 + [("technical", "once")]


def entries(*words: str) -> list[dict]:
    return [{"word": word, "weight": 9.0 - number, "occurrences": 5} for number, word in enumerate(words)]


def test_a_word_of_all_labels_and_a_rare_one_do_not_lead_whatever_their_weights():
    found = telling_words({"technical": entries("the", "once", "kernel"), "marketing": entries("the", "coupon")}, TRAIN)

    assert {label: [entry["word"] for entry in words] for label, words in found.items()} == {
        "technical": ["kernel"],
        "marketing": ["coupon"],
    }
    assert (found["technical"][0]["tweets"], found["technical"][0]["share"]) == (50, 1.0)


def test_the_surest_come_first_and_a_label_without_telling_words_is_left_out():
    train = [("a", "sure")] * 80 + [("a", "fair")] * 60 + [("b", "fair")] * 10 + [("b", "x")] * 130

    found = telling_words({"a": entries("fair", "sure"), "b": entries("unseen", "fair")}, train)

    assert [entry["word"] for entry in found["a"]] == ["sure", "fair"]
    assert "b" not in found


def test_a_function_word_does_not_lead_where_one_label_is_very_common():
    chance = random.Random(0)
    common = [("common", f"the topic{number % 150}") for number in range(4750)]
    rare = [("rare", "the odd" if chance.random() < 0.9 else "odd") for _ in range(250)]

    found = telling_words({"common": entries("the", "topic1", "topic2"), "rare": entries("odd", "the")}, common + rare)

    assert {label: [entry["word"] for entry in words] for label, words in found.items()} == {"rare": ["odd"]}


def test_noise_tells_nothing():
    chance = random.Random(1)
    words = [f"w{number}" for number in range(600)]
    train = [(chance.choice("ab"), " ".join(chance.choices(words, k=10))) for _ in range(3000)]

    assert telling_words({"a": entries(*words), "b": entries(*words)}, train) == {}
