"""One module per way in which masks travel: how they are written, how they are read back."""
