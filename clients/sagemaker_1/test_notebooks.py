"""
Notebooks of the SageMaker SDK 1.x, cell by cell: AWS's blazingtext_text_classification_dbpedia, and the notebook of the
pipeline that this product replaces.
"""

import json
from pathlib import Path
from typing import Any

import boto3
import pandas
import pytest
import sagemaker
from conftest import ROLE
from notebook_data import INDEX_TO_LABEL, SAMPLES, preprocess, read_classes, tokens, write_dbpedia
from sagemaker.amazon.amazon_estimator import get_image_uri

LABELS = {f"__label__{label}" for label in INDEX_TO_LABEL.values()}


@pytest.mark.usefixtures("in_tmp_path")
def test_awss_notebook(capsys):
    # Without a bucket of one's own the SDK asks STS at AWS's own address, whatever AWS_ENDPOINT_URL says.
    session = sagemaker.Session(default_bucket="dbpedia-1")
    bucket, prefix = session.default_bucket(), "blazingtext/supervised"
    write_dbpedia(Path("dbpedia_csv"))
    index_to_label = read_classes(Path("dbpedia_csv/classes.txt"))
    preprocess(Path("dbpedia_csv/train.csv"), Path("dbpedia.train"), index_to_label, keep=0.2)
    preprocess(Path("dbpedia_csv/test.csv"), Path("dbpedia.validation"), index_to_label)
    session.upload_data(path="dbpedia.train", bucket=bucket, key_prefix=f"{prefix}/train")
    session.upload_data(path="dbpedia.validation", bucket=bucket, key_prefix=f"{prefix}/validation")

    classifier = train(session, bucket, prefix).deploy(initial_instance_count=1, instance_type="ml.m4.xlarge")

    assert "Validation accuracy:" in capsys.readouterr().out
    ask(classifier, ["Convair was an american aircraft manufacturing company .", "Berwick secondary college"])
    session.delete_endpoint(classifier.endpoint)


@pytest.mark.usefixtures("in_tmp_path")
def test_the_notebook_of_the_replaced_pipeline():
    bucket, prefix = "datalake-1", "twitter-data/marketing-model"
    data_key = "twitter-data/hashtags/aws/2019-01-04/labeled.csv/hashtag-labeled-only-tweet.csv"
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.upload_file(str(SAMPLES[0]), bucket, data_key)
    session = sagemaker.Session()
    tweets = pandas.read_csv(f"s3://{bucket}/{data_key}")
    tweets.to_csv("tweets-labeled.csv", sep=",", header=None, index=False)
    preprocess(Path("tweets-labeled.csv"), Path("tweets.train"), INDEX_TO_LABEL, keep=0.8)
    preprocess(Path("tweets-labeled.csv"), Path("tweets.validation"), INDEX_TO_LABEL)
    session.upload_data(path="tweets.train", bucket=bucket, key_prefix=f"{prefix}/train")
    session.upload_data(path="tweets.validation", bucket=bucket, key_prefix=f"{prefix}/validation")

    classifier = train(session, bucket, prefix).deploy(initial_instance_count=1, instance_type="ml.m4.xlarge")

    ask(classifier, ["AWS Insider,2019-01-04 17:12:07,b'#Verizon DevKit Targets #IoT Projects on #AWS'"])
    session.delete_endpoint(classifier.endpoint)


def train(session: sagemaker.Session, bucket: str, prefix: str) -> Any:
    """Both notebooks' Estimator, after its fit."""
    estimator = sagemaker.estimator.Estimator(
        get_image_uri(boto3.Session().region_name, "blazingtext", "latest"),
        ROLE,
        train_instance_count=1,
        train_instance_type="ml.c4.4xlarge",
        train_volume_size=30,
        train_max_run=360000,
        input_mode="File",
        output_path=f"s3://{bucket}/{prefix}/output",
        sagemaker_session=session,
    )
    estimator.set_hyperparameters(
        mode="supervised",
        epochs=10,
        min_count=2,
        learning_rate=0.05,
        vector_dim=10,
        early_stopping=True,
        patience=4,
        min_epochs=5,
        word_ngrams=2,
    )
    channels = {
        channel: sagemaker.session.s3_input(
            f"s3://{bucket}/{prefix}/{channel}",
            distribution="FullyReplicated",
            content_type="text/plain",
            s3_data_type="S3Prefix",
        )
        for channel in ("train", "validation")
    }
    estimator.fit(inputs=channels, logs=True)
    return estimator


def ask(classifier: Any, sentences: list[str]) -> None:
    """Both notebooks' requests, for the best label and for the two best; they have no content type."""
    payload: dict[str, Any] = {"instances": [" ".join(tokens(sentence)) for sentence in sentences]}
    for answer in json.loads(classifier.predict(json.dumps(payload))):
        assert set(answer["label"]) < LABELS

    payload["configuration"] = {"k": 2}
    for answer in json.loads(classifier.predict(json.dumps(payload))):
        assert set(answer["label"]) == LABELS
        assert sum(answer["prob"]) == pytest.approx(1, abs=1e-3)
