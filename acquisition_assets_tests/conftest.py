"""Here: what every test shares: modules of helpers on the path, and quiet warnings of libraries.

Not here: fixtures of one product.
"""

from __future__ import annotations
