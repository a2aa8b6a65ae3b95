"""Lets `python -m acquisition_assets` be `acquisition`.

Does nothing else (see `cli`).
"""

from acquisition_assets.cli import main

if __name__ == "__main__":
    main()
