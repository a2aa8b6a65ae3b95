#!/usr/bin/env bash
# Here: installing the PostgreSQL server's programs where they are missing (apt or brew), and printing their folder.
# Not here: starting a server (postgres_server.py).
set -euo pipefail

find_bin() {
  local folder
  for folder in "${ACQUISITION_PG_BIN:-}" "$(dirname "$(command -v postgres || true)" 2>/dev/null)" \
    $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -Vr) \
    $(ls -d /opt/homebrew/opt/postgresql*/bin /usr/local/opt/postgresql*/bin 2>/dev/null | sort -Vr); do
    if [ -n "$folder" ] && [ -x "$folder/initdb" ] && [ -x "$folder/postgres" ]; then
      echo "$folder"
      return 0
    fi
  done
  return 1
}

install_server() {
  if command -v apt-get >/dev/null; then
    local root=""
    [ "$(id -u)" -eq 0 ] || root="sudo"
    # No cluster of its own: a server runs only where a script starts one.
    $root mkdir -p /etc/postgresql-common
    [ -e /etc/postgresql-common/createcluster.conf ] ||
      echo "create_main_cluster = false" | $root tee /etc/postgresql-common/createcluster.conf >/dev/null
    $root apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $root apt-get install -y -qq --no-install-recommends postgresql postgresql-client
  elif command -v brew >/dev/null; then
    brew install --quiet postgresql@17
  else
    echo "install a PostgreSQL server (13 or newer) and put its programs on PATH, or name their folder in ACQUISITION_PG_BIN" >&2
    return 1
  fi
}

find_bin || { install_server >&2 && find_bin; }
