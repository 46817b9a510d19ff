"""The curator's desk: a page in the browser over finished runs, served from the workspace.

`rooms.py` alone knows the rooms; the files beside it know HTTP, views and pages.
"""
