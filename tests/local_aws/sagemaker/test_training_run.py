import io
import tarfile
import time

from tests.local_aws.conftest import train, wait_for_job


def test_the_log_is_in_blazingtexts_form(trained, client):
    logs = client("logs")
    group = "/aws/sagemaker/TrainingJobs"
    (stream,) = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=trained["TrainingJobName"])[
        "logStreams"
    ]
    assert stream["logStreamName"].startswith(f"{trained['TrainingJobName']}/algo-1-")
    events = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True)

    lines = [event["message"] for event in events["events"]]

    expected = [
        "Arguments: train",
        "Running single machine CPU BlazingText training using supervised mode.",
        "Processing /opt/ml/input/data/train/train.txt . File size: 0 MB",
        "Processing /opt/ml/input/data/validation/validation.txt . File size: 0 MB",
        "Read 0M words",
        "Number of words:  6",
        "Loading validation data from /opt/ml/input/data/validation/validation.txt",
        "-------------- End of epoch: 5",
        "Validation accuracy: ",
        "Validation accuracy improved! Storing best weights...",
        "##### Alpha: ",
        "Training finished.",
        "Total training time in seconds: ",
        "#train_accuracy: 1.0000",
        "Number of train examples: 80",
        "#validation_accuracy: 1.0000",
        "Number of validation examples: 80",
    ]
    positions = [next(i for i, line in enumerate(lines) if text in line) for text in expected]
    assert positions == sorted(positions)


def test_the_same_channels_and_hyperparameters_give_the_same_model(sagemaker, request_of, client, settings):
    def model():
        uri = train(sagemaker, request_of())["ModelArtifacts"]["S3ModelArtifacts"]
        archive = client("s3").get_object(Bucket=settings.bucket, Key=uri.split("/", 3)[3])["Body"].read()
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            return tar.extractfile("model.bin").read()

    assert model() == model()


def test_a_requests_environment_does_not_reach_the_container(sagemaker, request_of):
    request = request_of() | {"Environment": {"PYTHONHOME": "/nowhere", "LD_PRELOAD": "/nowhere.so"}}

    assert train(sagemaker, request)["TrainingJobStatus"] == "Completed"


def test_a_job_in_its_training_is_stopped_as_a_process(sagemaker, request_of):
    request = request_of(epochs="1000000", early_stopping="False")
    sagemaker.create_training_job(**request)
    name = request["TrainingJobName"]
    while sagemaker.describe_training_job(TrainingJobName=name)["SecondaryStatus"] != "Training":
        time.sleep(0.02)

    sagemaker.stop_training_job(TrainingJobName=name)
    wait_for_job(sagemaker, name)

    assert sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] == "Stopped"


def test_the_log_can_be_read_page_by_page_while_the_job_runs(sagemaker, client, request_of):
    request = request_of(epochs="200", early_stopping="True", min_epochs="1", patience="1000")
    sagemaker.create_training_job(**request)
    name, logs, group = request["TrainingJobName"], client("logs"), "/aws/sagemaker/TrainingJobs"
    seen, token, streams, while_running = [], None, [], 0
    while True:
        running = sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] == "InProgress"
        if not streams:
            streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/")["logStreams"]
            time.sleep(0.02)
        if streams:
            arguments = {"nextToken": token} if token else {}
            page = logs.get_log_events(
                logGroupName=group, logStreamName=streams[0]["logStreamName"], startFromHead=True, limit=5, **arguments
            )
            seen += [event["message"] for event in page["events"]]
            while_running += bool(page["events"]) and running
            if not running and page["nextForwardToken"] == token:
                break
            token = page["nextForwardToken"]

    assert while_running > 1
    epochs = [line for line in seen if "End of epoch" in line]
    assert len(epochs) == len(set(epochs)) == 200
    assert seen[0] == "Arguments: train"
    assert seen[-1] == "Number of validation examples: 80"
