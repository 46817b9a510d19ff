"""The workspace that all workers share: artifacts, storage backends, task caching, takedowns."""
