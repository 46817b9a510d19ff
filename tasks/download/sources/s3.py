"""Videos and photos under a prefix of a bucket."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from tasks.common.errors import InputError
from tasks.common.records import Source
from tasks.common.store.s3_errors import explained
from tasks.download.fetchers.s3 import source_client
from tasks.download.sources.collection import Collection, Context
from tasks.download.sources.folder import MEDIA_SUFFIXES
from tasks.download.sources.skipped import Skipped, describe_skipped, skip_kind
from tasks.download.sources.slug import unique_slug


class BucketCollection(Collection):
    """`bucket: s3://bucket/prefix`; a replaced object has another ETag: edited."""

    bucket: str

    def sources(self, context: Context) -> Iterator[Source]:
        """Yield the media under the prefix, named by their keys relative to it."""
        bucket, _, prefix = self.bucket.removeprefix("s3://").partition("/")
        if not self.bucket.startswith("s3://") or not bucket or "@" in bucket:
            raise InputError(f"bucket is {self.bucket!r}; expected s3://bucket/prefix.")
        # With the slash, so that `clips` does not list `clips-old/`.
        prefix = f"{prefix.rstrip('/')}/" if prefix.strip("/") else ""
        client, n_sources = source_client(context.settings), 0
        with explained(self.bucket):
            pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            for item in (item for page in pages for item in page.get("Contents", ())):
                name = PurePosixPath(item["Key"][len(prefix) :])
                # As in folders; macOS leaves `._name` files in buckets that were copied from its
                # disks.
                kind = skip_kind(name, MEDIA_SUFFIXES)
                if kind is not None and not item["Key"].endswith("/"):
                    context.skipped.append(Skipped(kind, str(name)))
                elif kind is None:
                    n_sources += 1
                    yield self.source(
                        unique_slug(str(name)),
                        f"s3://{bucket}/{item['Key']}",
                        revision=str(item["ETag"]).strip('"'),
                    )
        if not n_sources:
            raise InputError(
                f"{self.bucket} holds no video or photo. "
                + " ".join(describe_skipped(context.skipped))
            )
