"""The recipe: its models, the bounds of each rule, scene groups, overrides on the command line."""
