#!/bin/sh
# Here: `make production-like`, from any folder. Not here: what it does (production_like.py).
set -eu
root="$(cd "$(dirname "$0")/.." && pwd)"
exec "${PYTHON:-$root/.venv/bin/python}" "$root/scripts/production_like.py" "$@"
