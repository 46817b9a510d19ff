"""Frames become single-person crops, each with some context around the person."""

VERSION = 4
