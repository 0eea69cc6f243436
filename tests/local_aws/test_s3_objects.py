from local_aws.s3_objects import OBJECTS, S3Objects
from local_aws.store import Store


def saved(store):
    return sorted(path for path, _ in store.documents(OBJECTS))


def test_a_changed_object_is_saved_without_a_look_at_the_others(client, settings, tmp_path):
    """Otherwise each PUT would take as long as the bucket has objects."""
    s3, bucket, store = client("s3"), settings.bucket, Store(tmp_path / "data")
    for key in ("a", "b", "c"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    objects = S3Objects(store)

    objects.save(bucket, "b")
    assert saved(store) == [f"{bucket}/b"]
    objects.save(bucket, "none")
    assert saved(store) == [f"{bucket}/b"]
    objects.save(bucket)
    assert saved(store) == [f"{bucket}/{key}" for key in "abc"]
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a"}, {"Key": "b"}]})
    objects.save(bucket, "a")
    assert saved(store) == [f"{bucket}/b", f"{bucket}/c"]
    objects.save(bucket)
    assert saved(store) == [f"{bucket}/c"]
    store.close()
