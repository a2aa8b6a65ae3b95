"""Acquisition Assets, a Dagster asset graph for organic lead acquisition.

Holds the version. Everything else is left to the modules.
"""

__version__ = "1.0.0"
