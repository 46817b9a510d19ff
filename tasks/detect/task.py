"""The detect task: the frames of one source become a table of crops."""

from tasks.common.workspace.caching import stage_task
from tasks.detect import VERSION
from tasks.detect.stage import detect_key, detect_people

detect = stage_task("detect", detect_people, version=VERSION, key=detect_key)
