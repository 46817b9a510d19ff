"""Versions of subsets in an object store: making, finding, checking and removing them."""
