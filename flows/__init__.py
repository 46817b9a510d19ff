"""Flows, which say in which order tasks run, and the command line."""

from flows.engine.prefect_env import prepare_environment

prepare_environment()
