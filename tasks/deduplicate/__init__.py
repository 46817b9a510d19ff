"""One table of crops from the verdicts of all sources, without exact and near-duplicates."""

VERSION = 2
