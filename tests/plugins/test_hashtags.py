from hashtag_retrain.hashtags import hashtags


def test_an_entry_with_a_parameter_that_there_is_not_is_an_error_and_the_others_are_usable(tmp_path, monkeypatch):
    file = tmp_path / "hashtags.yaml"
    labels = 'labels: {"0": a, "1": b}'
    file.write_text(f"good: {{{labels}}}\ntypo: {{{labels}, parameters: {{epoch: 3}}}}\nno_labels: {{}}\n")
    monkeypatch.setenv("RETRAIN_HASHTAGS_FILE", str(file))

    found = hashtags()

    assert [hashtag.name for hashtag in found.usable] == ["good"]
    assert sorted(str(error).split(":")[0] for error in found.errors) == [
        f"{file}, line 2, typo.parameters.epoch",
        f"{file}, line 3, no_labels.labels",
    ]
