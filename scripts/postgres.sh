#!/bin/sh
# Installs the PostgreSQL server's programs if they are missing (apt or brew), and prints their folder.
# Starting a server is left to postgres_server.py.
set -eu

find_bin() {
  for folder in "${ACQUISITION_PG_BIN:-}" "$(dirname "$(command -v postgres || echo /nowhere/postgres)")" \
    $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -t / -k 5,5nr) \
    $(ls -d /opt/homebrew/opt/postgresql*/bin /usr/local/opt/postgresql*/bin 2>/dev/null | sort -r); do
    if [ -n "$folder" ] && [ -x "$folder/initdb" ] && [ -x "$folder/postgres" ] && [ -x "$folder/pg_ctl" ]; then
      echo "$folder"
      return 0
    fi
  done
  return 1
}

with_rights() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

install_server() {
  if command -v apt-get >/dev/null; then
    # No cluster of its own: a server runs only where a script starts one.
    with_rights mkdir -p /etc/postgresql-common
    [ -e /etc/postgresql-common/createcluster.conf ] ||
      echo "create_main_cluster = false" | with_rights tee /etc/postgresql-common/createcluster.conf
    with_rights apt-get update -qq
    with_rights env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql
  elif command -v brew >/dev/null; then
    brew install --quiet postgresql@17
  else
    echo "install a PostgreSQL server (13 or newer) and put its programs on PATH, or name their folder in" \
      "ACQUISITION_PG_BIN"
    return 1
  fi
}

find_bin || { install_server >&2 && find_bin; }
