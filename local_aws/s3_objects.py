"""Keep moto's S3 in the store: buckets, and the newest version of each object with its metadata and tags."""

import threading
from typing import Any, NamedTuple

from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import FakeBucket, FakeKey, s3_backends

from local_aws.store import NotKept, Store
from local_aws.terminal import tell

BUCKETS, OBJECTS = "bucket", "object"


def s3_backend() -> Any:
    """moto's S3 of the only account."""
    return s3_backends[DEFAULT_ACCOUNT_ID]["aws"]


def current_objects(bucket: FakeBucket) -> dict[str, FakeKey]:
    """The newest versions of a bucket's objects, by key. Deleted objects are left out."""
    found = {name: current_object(bucket, name) for name in list(bucket.keys)}
    return {name: key for name, key in found.items() if key is not None}


def current_object(bucket: FakeBucket, name: str) -> FakeKey | None:
    """The newest version of an object; None if there is none, or if it is deleted."""
    found = bucket.keys.get(name)
    return found if isinstance(found, FakeKey) else None


class _Saved(NamedTuple):
    """An object as it was saved last."""

    key: FakeKey
    document: dict[str, Any]


class S3Objects:
    """
    The objects of the only account.

    moto changes an object in several steps. So what a request may have changed is compared with the store when the
    request has been carried out, before it is answered.
    """

    def __init__(self, store: Store):
        self._store = store
        self._lock = threading.Lock()
        self._saved: dict[str, dict[str, _Saved]] = {}
        for name, document in store.documents(BUCKETS):
            self._saved[name] = {}
            self._restore_bucket(name, document)
        for path, document in store.documents(OBJECTS):
            bucket_name, _, name = path.partition("/")
            try:
                self._saved[bucket_name][name] = _Saved(self._restore(bucket_name, name, document), document)
            except (OSError, KeyError) as error:  # its content or bucket is missing; the other objects are restored
                tell(f"s3://{path} cannot be restored: {error!r}")

    def save(self, bucket_name: str, name: str = "") -> None:
        """
        Save the changes of an object, or its deletion.

        :param name: empty: of all objects in the bucket, and of the bucket
        :raises NotKept: they cannot be saved; then the bucket is again as it was saved last
        """
        if self._store.scratch is None:
            return
        with self._lock:
            try:
                self._save(bucket_name, name)
            except NotKept:
                self._take_back(bucket_name, name)
                raise

    def _save(self, bucket_name: str, name: str) -> None:
        bucket = s3_backend().buckets.get(bucket_name)
        if bucket is None:
            self._delete_bucket(bucket_name)
            return
        if bucket_name not in self._saved:
            self._store.save(BUCKETS, bucket_name, {"region": bucket.region_name, "created": bucket.creation_date})
            self._saved[bucket_name] = {}
        if name:
            self._save_object(bucket, name, current_object(bucket, name))
        else:
            self._save_objects(bucket)

    def _delete_bucket(self, name: str) -> None:
        if name in self._saved:
            self._store.delete_below(OBJECTS, f"{name}/")
            self._store.delete(BUCKETS, name)
            del self._saved[name]

    def _take_back(self, name: str, touched: str) -> None:
        """Make moto's bucket what the store has."""
        saved = self._saved.get(name)
        if saved is None:
            s3_backend().buckets.pop(name, None)
            return
        if name not in s3_backend().buckets:
            self._restore_bucket(
                name, next(document for key, document in self._store.documents(BUCKETS) if key == name)
            )
        bucket = s3_backend().buckets[name]
        found = current_objects(bucket)
        for key in set(found) - set(saved):
            _set_versions(bucket, key, bucket.keys.getlist(key)[:-1])
        for key, before in saved.items():
            if found.get(key) is not before.key or key == touched:
                saved[key] = _Saved(self._take_back_object(bucket, key, before), before.document)

    def _take_back_object(self, bucket: FakeBucket, name: str, before: _Saved) -> FakeKey:
        versions = bucket.keys.getlist(name, [])
        place = next((place for place, key in enumerate(versions) if key is before.key), None)
        if place is None:  # moto keeps no older version
            return self._restore(bucket.name, name, before.document)
        _set_versions(bucket, name, versions[: place + 1])
        return _describe(before.key, before.document)

    def _save_objects(self, bucket: FakeBucket) -> None:
        found = current_objects(bucket)
        for name, before in list(self._saved[bucket.name].items()):
            if name not in found:
                self._save_object(bucket, name, None)
            elif found[name] is before.key:
                del found[name]
        for name, key in found.items():
            self._save_object(bucket, name, key)

    def _save_object(self, bucket: FakeBucket, name: str, key: FakeKey | None) -> None:
        saved = self._saved[bucket.name]
        before = saved.get(name)
        if key is None:
            if before is not None:
                self._store.delete(OBJECTS, f"{bucket.name}/{name}")
                del saved[name]
            return
        try:
            document = self._document(key)
            if before is not None and before.key is key:
                document["content"] = before.document["content"]
            else:
                document["content"] = self._store.put_content(key.value)
        except ValueError:  # another request has replaced or deleted the object, and will save that itself
            return
        self._store.save(OBJECTS, f"{bucket.name}/{name}", document, [document["content"]])
        saved[name] = _Saved(key, document)

    def _document(self, key: FakeKey) -> dict[str, Any]:
        return {
            "etag": key.etag.strip('"'),
            "last_modified": key.last_modified,
            "metadata": dict(key.metadata),
            "storage_class": key.storage_class,
            "version_id": key.version_id,
            "encryption": key.encryption,
            "checksum_algorithm": key.checksum_algorithm,
            "checksum_value": key.checksum_value,
            "checksum_type": key.checksum_type,
            "checksum_parts": key.checksum_parts,
            "tags": s3_backend().tagger.get_tag_dict_for_resource(key.arn),
        }

    def _restore_bucket(self, name: str, document: dict[str, Any]) -> None:
        bucket = s3_backend().create_bucket(name, document["region"])
        bucket.creation_date = document["created"]

    def _restore(self, bucket_name: str, name: str, document: dict[str, Any]) -> FakeKey:
        key = s3_backend().put_object(
            bucket_name,
            name,
            self._store.content(document["content"]),
            storage=document["storage_class"],
            etag=document["etag"],
            encryption=document["encryption"],
            checksum_value=document["checksum_value"],
            disable_notification=True,
        )
        return _describe(key, document)


def _describe(key: FakeKey, document: dict[str, Any]) -> FakeKey:
    """Give an object the version, times, metadata and tags of a document."""
    key._version_id, key.last_modified = document["version_id"], document["last_modified"]
    key.metadata.clear()
    key.set_metadata(dict(document["metadata"]))
    for attribute in ("checksum_algorithm", "checksum_type", "checksum_parts"):
        setattr(key, attribute, document[attribute])
    s3_backend().put_object_tagging(key, document["tags"])
    return key


def _set_versions(bucket: FakeBucket, name: str, versions: list[Any]) -> None:
    if versions:
        bucket.keys.setlist(name, versions)
    else:
        bucket.keys.pop(name)
