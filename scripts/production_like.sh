#!/bin/sh
# Runs `make production-like` from any folder. The work itself is left to production_like.py.
set -eu
root="$(cd "$(dirname "$0")/.." && pwd)"
exec "${PYTHON:-$root/.venv/bin/python}" "$root/scripts/production_like.py" "$@"
