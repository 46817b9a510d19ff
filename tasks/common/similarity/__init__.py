"""Perceptual hashes of pictures and the index that finds near-duplicates."""
