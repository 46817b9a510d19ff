"""What the desk asks of the rooms; no other module of the desk knows them."""

from flows.desk.rooms.orders import OrderFormat, OrderLine, list_orders
from flows.desk.rooms.pictures import Pictures
from flows.desk.rooms.runs import (
    clusters_of,
    find_scenes,
    find_splits,
    open_runs,
    proposals_file,
    read_proposals,
    scene_titles,
    tracks_of,
)
from flows.desk.rooms.versions import (
    KINDS,
    VersionLine,
    compare_versions,
    last_samples,
    list_versions,
)

__all__ = [
    "KINDS",
    "OrderFormat",
    "OrderLine",
    "Pictures",
    "VersionLine",
    "clusters_of",
    "compare_versions",
    "find_scenes",
    "find_splits",
    "last_samples",
    "list_orders",
    "list_versions",
    "open_runs",
    "proposals_file",
    "read_proposals",
    "scene_titles",
    "tracks_of",
]
