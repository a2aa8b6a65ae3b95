"""Organic lead acquisition as a Dagster asset graph.

Here: nothing but the version. Not here: anything that runs at import.
"""

__version__ = "1.0.0"
