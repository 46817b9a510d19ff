"""Create the bucket of the workspace unless it exists: for a store that a team runs itself."""

import sys

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from tasks.common.settings import settings

_EXISTS = {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}


def main() -> None:
    """Create the bucket that MATTEFLOW_WORKSPACE names."""
    bucket = settings().shared.removeprefix("s3://").partition("/")[0]
    if not bucket:
        sys.exit("bucket: MATTEFLOW_WORKSPACE names no bucket; expected s3://bucket/prefix.")
    client = boto3.client("s3", endpoint_url=settings().s3_endpoint or None)
    try:
        client.create_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] not in _EXISTS:
            sys.exit(f"bucket: {bucket} cannot be created: {error}")
    except BotoCoreError as error:
        sys.exit(f"bucket: {bucket} cannot be created: {error}")


if __name__ == "__main__":
    main()
