"""Flows, which define the order of tasks, and the command line."""

from flows.engine.prefect_env import prepare_environment

prepare_environment()
