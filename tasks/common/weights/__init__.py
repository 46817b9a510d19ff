"""Model weights: the catalogue, fetching with a digest check, loading."""
