#!/bin/sh
# Finds Java 17 or newer, installs it if it is missing (apt or brew), and prints the program's path.
# Starting Spark is left to acquisition_assets/core/engine/spark.py, which finds Java on PATH or by JAVA_HOME.
set -eu

OLDEST=17

is_new_enough() {
  version="$("$1" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1)"
  [ -n "$version" ] && [ "$version" -ge "$OLDEST" ]
}

find_java() {
  for program in \
    "${JAVA_HOME:+$JAVA_HOME/bin/java}" \
    "$(command -v java || true)" \
    /opt/homebrew/opt/openjdk@21/bin/java \
    /usr/local/opt/openjdk@21/bin/java \
    /usr/lib/jvm/*/bin/java; do
    if [ -n "$program" ] && [ -x "$program" ] && is_new_enough "$program"; then
      echo "$program"
      return 0
    fi
  done
  return 1
}

install_java() {
  if command -v apt-get >/dev/null; then
    root=""
    [ "$(id -u)" -eq 0 ] || root="sudo"
    $root apt-get update -qq
    newest="$(apt-cache pkgnames openjdk- | sed -n 's/^openjdk-\([0-9]*\)-jre-headless$/\1/p' | sort -n | tail -n 1)"
    if [ "${newest:-0}" -lt "$OLDEST" ]; then
      echo "this system has no package of Java $OLDEST or newer; install one, or name its folder in JAVA_HOME" >&2
      return 1
    fi
    DEBIAN_FRONTEND=noninteractive $root apt-get install -y -qq --no-install-recommends "openjdk-$newest-jre-headless"
  elif command -v brew >/dev/null; then
    brew install --quiet openjdk@21
  else
    echo "install Java $OLDEST or newer, or name its folder in JAVA_HOME" >&2
    return 1
  fi
}

find_java || { install_java >&2 && find_java; }
