"""Imports pandera so that it leaves the process unchanged.

The contracts made with it are left to `contracts`.

Where pyspark is installed, pandera would import pandas-on-Spark, which takes half a second and warns of pandas 3, and
would set SPARK_LOCAL_IP to 127.0.0.1, where the workers of no cluster find this process.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

VARIABLES = ("SPARK_LOCAL_IP", "PYARROW_IGNORE_TIMEZONE")


@contextlib.contextmanager
def _without_spark() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in VARIABLES}
    hidden = "pyspark.pandas" not in sys.modules
    if hidden:
        sys.modules["pyspark.pandas"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if hidden:
            del sys.modules["pyspark.pandas"]
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)


with _without_spark():
    import pandera.pandas as pandera
    from pandera.pandas import Check

__all__ = ["Check", "pandera"]
