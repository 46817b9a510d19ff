"""A video becomes frames; a photo is one frame."""

VERSION = 4
