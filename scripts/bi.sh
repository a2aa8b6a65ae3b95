#!/bin/sh
# Open the dashboard of deploy/bi on a lake. Needs: VENV, LAKE, PORT; what else is given goes to streamlit.
set -eu
cd "$(dirname "$0")/.."
lake="$(cd "$LAKE" 2>/dev/null && pwd)" || { echo "error: there is no lake $LAKE; make one with: make run" >&2; exit 2; }
ACQUISITION_LAKE="$lake" exec "$VENV/bin/python" -m streamlit run deploy/bi/dashboard.py \
    --server.port "$PORT" --server.address 127.0.0.1 --server.headless true --browser.gatherUsageStats false "$@"
