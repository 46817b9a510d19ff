"""The verdicts of all sources become one table of crops, without exact and near duplicates."""

VERSION = 2
