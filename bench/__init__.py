"""Here: what measures the product: a world of any size, the same tables by hand, the figures of docs/performance.md.

Not here: anything that the product needs to run.
"""
