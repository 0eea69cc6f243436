"""moto's S3, kept in the store: buckets, and the newest version of each object with its metadata and tags."""

import sys
import threading
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import FakeBucket, FakeKey, s3_backends

from local_aws.store import Store

BUCKETS, OBJECTS = "bucket", "object"


class S3Objects:
    """
    The objects of the one account that there is. moto changes an object in several steps, so a bucket is compared with
    what is in the store when a request is done, and before it is answered.
    """

    def __init__(self, store: Store):
        self._store = store
        self._lock = threading.Lock()
        self._saved: dict[str, dict[str, tuple[FakeKey, dict[str, Any]]]] = {}
        for name, document in store.documents(BUCKETS):
            self._saved[name] = {}
            bucket = self._backend.create_bucket(name, document["region"])
            bucket.creation_date = document["created"]
        for path, document in store.documents(OBJECTS):
            bucket_name, _, name = path.partition("/")
            try:
                self._saved[bucket_name][name] = self._restore(bucket_name, name, document), document
            except (OSError, KeyError) as error:  # its content or its bucket is gone: no reason to lose the others
                print(f"s3://{path} cannot be restored: {error!r}", file=sys.stderr)

    @property
    def _backend(self) -> Any:
        return s3_backends[DEFAULT_ACCOUNT_ID]["aws"]

    def save_bucket(self, name: str, touched: str | None = None) -> None:
        """
        Write to the store what has changed in a bucket, or that it is gone.

        :param touched: the object whose metadata or tags may have changed; others change by being replaced
        """
        if self._store.scratch is None:
            return
        with self._lock:
            bucket = self._backend.buckets.get(name)
            if bucket is None:
                if self._saved.pop(name, None) is not None:
                    self._store.delete_below(OBJECTS, f"{name}/")
                    self._store.delete(BUCKETS, name)
                return
            if name not in self._saved:
                self._store.save(BUCKETS, name, {"region": bucket.region_name, "created": bucket.creation_date})
                self._saved[name] = {}
            self._save_objects(bucket, self._saved[name], touched)

    def _save_objects(
        self, bucket: FakeBucket, saved: dict[str, tuple[FakeKey, dict[str, Any]]], touched: str | None
    ) -> None:
        keys = {name: bucket.keys.get(name) for name in list(bucket.keys)}
        found = {name: key for name, key in keys.items() if isinstance(key, FakeKey)}  # else: marked as deleted
        for name, key in found.items():
            before, document = saved.get(name, (None, {}))
            if before is key and name != touched:
                continue
            try:
                value, described = (b"" if before is key else key.value), self._document(key)
            except ValueError:  # replaced or deleted meanwhile: that request saves what is there then
                continue
            content = document["content"] if before is key else self._store.put_content(value)
            self._store.save(OBJECTS, f"{bucket.name}/{name}", described | {"content": content}, [content])
            saved[name] = key, described | {"content": content}
        for name in set(saved) - set(found):
            del saved[name]
            self._store.delete(OBJECTS, f"{bucket.name}/{name}")

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
            "tags": self._backend.tagger.get_tag_dict_for_resource(key.arn),
        }

    def _restore(self, bucket_name: str, name: str, document: dict[str, Any]) -> FakeKey:
        key = self._backend.put_object(
            bucket_name,
            name,
            self._store.content(document["content"]),
            storage=document["storage_class"],
            etag=document["etag"],
            encryption=document["encryption"],
            checksum_value=document["checksum_value"],
            disable_notification=True,
        )
        key._version_id, key.last_modified = document["version_id"], document["last_modified"]
        key.set_metadata(dict(document["metadata"]))
        for attribute in ("checksum_algorithm", "checksum_type", "checksum_parts"):
            setattr(key, attribute, document[attribute])
        self._backend.put_object_tagging(key, document["tags"])
        return key
