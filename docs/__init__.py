"""Pages for people, and the module that writes those of them that follow from the code."""
