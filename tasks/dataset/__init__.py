"""Kept crops become the files of one subset: splits, masks, split files, card, metadata."""

VERSION = 9
