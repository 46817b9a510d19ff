"""The order of things: flows that string tasks together, and the command line."""

from flows.engine.prefect_env import prepare_environment

prepare_environment()
