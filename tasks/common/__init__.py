"""What the rooms share: nouns, recipe, settings, errors, artifacts, caching, weights."""
