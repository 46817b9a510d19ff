"""A community: its paginated API, its collection of sources, its media."""
