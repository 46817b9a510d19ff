"""Verdicts become an immutable, versioned subset in an object store, and reports for people."""

VERSION = 6
