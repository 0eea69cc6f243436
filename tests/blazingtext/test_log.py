from include.blazingtext.log import accuracy_by_epoch

LOG = """\
Loaded validation data.
-------------- End of epoch: 5
Using 16 threads for prediction!
Validation accuracy: 0.559948
Validation accuracy improved! Storing best weights...
##### Alpha: 0.0217  Progress: 56.68%  Million Words/sec: 28.47 #####
-------------- End of epoch: 6
Using 16 threads for prediction!
Validation accuracy: 0.558
Validation accuracy has not improved for last 1 epochs.
#validation_accuracy: 0.5599
"""


def test_each_epoch_with_its_accuracy():
    assert accuracy_by_epoch(LOG.splitlines()) == [
        {"epoch": 5, "validation_accuracy": 0.559948},
        {"epoch": 6, "validation_accuracy": 0.558},
    ]


def test_without_early_stopping_there_is_none():
    assert accuracy_by_epoch(["-------------- End of epoch: 5", "#validation_accuracy: 0.55"]) == []
