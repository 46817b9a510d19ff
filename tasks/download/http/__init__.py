"""HTTP for downloads: an SSRF-safe client, rate limits per host, retries, revisions."""
