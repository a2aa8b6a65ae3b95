"""Measures the product on worlds of any size, beside the same tables made by hand, for docs/performance.md.

The product runs without anything of this package.
"""
