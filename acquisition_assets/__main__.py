"""Here: `python -m acquisition_assets`, which is `acquisition`.

Not here: anything else.
"""

from acquisition_assets.cli import main

if __name__ == "__main__":
    main()
