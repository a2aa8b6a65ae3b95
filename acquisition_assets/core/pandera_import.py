"""Imports pandera without its side effects on the process.

The contracts made with it are left to `contracts`.

If pyspark is installed, pandera imports pandas-on-Spark, which takes half a second and warns about pandas 3. It also
sets SPARK_LOCAL_IP to 127.0.0.1, an address at which the workers of a cluster cannot reach this process.
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
