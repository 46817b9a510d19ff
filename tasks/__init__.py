"""The six rooms of the pipeline, in the order in which data flows through them."""
