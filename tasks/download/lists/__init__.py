"""What shall be collected: lists of single sources, and collections that are looked through."""
