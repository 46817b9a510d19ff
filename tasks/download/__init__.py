"""A source becomes a local file with a digest and known properties."""

VERSION = 2
