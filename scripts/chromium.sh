#!/bin/sh
# Finds Chromium or Chrome, installs Chromium if both are missing (apt or brew), and prints the program's path.
# Driving it is left to acquisition_assets_tests/services/ui and screenshot.py.
set -eu

find_browser() {
  for name in "${ACQUISITION_CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable chrome; do
    if [ -n "$name" ] && command -v "$name" 2>/dev/null; then
      return 0
    fi
  done
  for program in \
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" \
    "$HOME/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" \
    "/Applications/Chromium.app/Contents/MacOS/Chromium"; do
    if [ -x "$program" ]; then
      echo "$program"
      return 0
    fi
  done
  return 1
}

# Ubuntu's package `chromium-browser` only asks for the snap; there the browser comes as a snap.
install_browser() {
  if command -v apt-get >/dev/null; then
    root=""
    [ "$(id -u)" -eq 0 ] || root="sudo"
    $root apt-get update -qq
    if apt-cache show chromium 2>/dev/null | grep -q '^Package: chromium$'; then
      DEBIAN_FRONTEND=noninteractive $root apt-get install -y -qq --no-install-recommends chromium
    elif command -v snap >/dev/null; then
      $root snap install chromium
    else
      echo "this system has no package of Chromium; install Chromium or Chrome, or name its program in ACQUISITION_CHROMIUM" >&2
      return 1
    fi
  elif command -v brew >/dev/null; then
    brew install --quiet --cask google-chrome
  else
    echo "install Chromium or Chrome, or name its program in ACQUISITION_CHROMIUM" >&2
    return 1
  fi
}

case "${1:-}" in
  "") find_browser || { install_browser >&2 && find_browser; } ;;
  --find) find_browser ;;
  *) echo "usage: chromium.sh [--find]   (--find: do not install)" >&2 && exit 2 ;;
esac
