"""The sample task: one media file becomes a table of frames."""

from tasks.common.workspace.caching import stage_task
from tasks.sample import VERSION
from tasks.sample.stage import sample_key, sample_media

sample = stage_task("sample", sample_media, version=VERSION, key=sample_key)
