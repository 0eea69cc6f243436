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
    train = [("a", "sure")] * 40 + [("a", "fair")] * 30 + [("b", "fair")] * 10 + [("b", "x")] * 40

    found = telling_words({"a": entries("fair", "sure"), "b": entries("unseen", "fair")}, train)

    assert [entry["word"] for entry in found["a"]] == ["sure", "fair"]
    assert "b" not in found
