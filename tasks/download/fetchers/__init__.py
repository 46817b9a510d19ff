"""One fetcher per kind of URI."""
