"""Here: nothing but the version of Acquisition Assets, a Dagster asset graph for organic lead acquisition.

Not here: anything that runs at import.
"""

__version__ = "1.0.0"
