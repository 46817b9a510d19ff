"""Geometry of 360 spheres: directions, flat views out of a sphere, and the way back."""
