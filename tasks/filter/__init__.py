"""Measurements become verdicts: what needs no mask first, the rest after matting."""

VERSION = 7
