"""Crops become body poses: what of the person can be seen, and a second opinion on their mask."""

VERSION = 1
