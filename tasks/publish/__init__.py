"""A built tree becomes an immutable version in an object store."""
