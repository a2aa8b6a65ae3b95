"""Runs `python -m acquisition_assets` as the program `acquisition`.

The command line is left to `cli`.
"""

from acquisition_assets.cli import main

if __name__ == "__main__":
    main()
