"""What passes between rooms: boxes, table rows, samples, the layout of a published tree."""
