"""How flows run their stages: chains per source, batches, workers, Prefect artifacts."""
