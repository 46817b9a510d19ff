"""Recipes, source lists, the weights catalogue, images, pools, and the set-up of a server."""
