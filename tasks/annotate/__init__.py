"""Machine masks go out to annotators, corrected masks come back and are merged in."""

VERSION = 1
