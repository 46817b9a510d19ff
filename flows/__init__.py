"""The order of things: flows that string tasks together, and the command line."""

from flows.environment import prepare_environment

prepare_environment()
