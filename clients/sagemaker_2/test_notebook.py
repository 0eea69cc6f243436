"""AWS's notebook blazingtext_text_classification_dbpedia for the SageMaker SDK 2.x, cell by cell."""

import json
from pathlib import Path

import boto3
import pytest
import sagemaker
from conftest import ROLE
from notebook_data import INDEX_TO_LABEL, preprocess, read_classes, tokens, write_dbpedia
from sagemaker.serializers import JSONSerializer

LABELS = {f"__label__{label}" for label in INDEX_TO_LABEL.values()}
SENTENCES = ["Convair was an american aircraft manufacturing company .", "Berwick secondary college"]


@pytest.mark.usefixtures("in_tmp_path")
def test_awss_notebook():
    # Without a bucket of one's own the SDK asks STS at AWS's own address, whatever AWS_ENDPOINT_URL says.
    session = sagemaker.Session(default_bucket="dbpedia-2")
    bucket, prefix = session.default_bucket(), "blazingtext/supervised"
    write_dbpedia(Path("dbpedia_csv"))
    index_to_label = read_classes(Path("dbpedia_csv/classes.txt"))
    preprocess(Path("dbpedia_csv/train.csv"), Path("dbpedia.train"), index_to_label, keep=0.2)
    preprocess(Path("dbpedia_csv/test.csv"), Path("dbpedia.validation"), index_to_label)
    session.upload_data(path="dbpedia.train", bucket=bucket, key_prefix=f"{prefix}/train")
    session.upload_data(path="dbpedia.validation", bucket=bucket, key_prefix=f"{prefix}/validation")

    classifier = train(bucket, prefix).deploy(
        initial_instance_count=1, instance_type="ml.m4.xlarge", serializer=JSONSerializer()
    )

    payload = {"instances": [" ".join(tokens(sentence)) for sentence in SENTENCES]}
    for answer in json.loads(classifier.predict(payload)):
        assert set(answer["label"]) < LABELS
    for answer in json.loads(classifier.predict({**payload, "configuration": {"k": 2}})):
        assert set(answer["label"]) == LABELS
        assert sum(answer["prob"]) == pytest.approx(1, abs=1e-3)
    session.delete_endpoint(classifier.endpoint)


def train(bucket: str, prefix: str) -> sagemaker.estimator.Estimator:
    """The notebook's Estimator, after its fit. It has fewer epochs than early stopping waits for, and no session."""
    estimator = sagemaker.estimator.Estimator(
        sagemaker.amazon.amazon_estimator.get_image_uri(boto3.Session().region_name, "blazingtext", "latest"),
        ROLE,
        instance_count=1,
        instance_type="ml.c4.4xlarge",
        volume_size=30,
        max_run=360000,
        input_mode="File",
        output_path=f"s3://{bucket}/{prefix}/output",
        hyperparameters={
            "mode": "supervised",
            "epochs": 1,
            "min_count": 2,
            "learning_rate": 0.05,
            "vector_dim": 10,
            "early_stopping": True,
            "patience": 4,
            "min_epochs": 5,
            "word_ngrams": 2,
        },
    )
    channels = {
        channel: sagemaker.inputs.TrainingInput(
            f"s3://{bucket}/{prefix}/{channel}",
            distribution="FullyReplicated",
            content_type="text/plain",
            s3_data_type="S3Prefix",
        )
        for channel in ("train", "validation")
    }
    estimator.fit(inputs=channels, logs=True)
    return estimator
