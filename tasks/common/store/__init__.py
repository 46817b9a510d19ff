"""Object stores: a folder or a bucket, with the same promises."""
