"""How flows run their stages: pipelines per source, batches, workers, Prefect artifacts."""
