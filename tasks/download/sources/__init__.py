"""Source lists: files, folders, buckets, annotated datasets, communities."""
