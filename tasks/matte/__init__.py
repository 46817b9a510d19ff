"""Crops become alpha mattes and masks, by rembg."""

VERSION = 5
