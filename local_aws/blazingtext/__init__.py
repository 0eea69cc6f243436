"""What runs inside the BlazingText image: training and inference, with fastText, which has the same model.bin."""

TUNING_METRIC = "_tuning_objective_metric"
"""The hyperparameter in which SageMaker tells the container the objective of a tuning job."""
