"""Values, not code: recipes, source lists, the weights catalogue, images and work-pool files."""
