#!/usr/bin/env bash
# Installs Chromium for the browser tests where there is none: as root on Debian. Elsewhere it says what is missing.
set -eu

for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null; then exit 0; fi
done

if [ "$(id -u)" = 0 ] && grep -qs '^ID=debian' /etc/os-release; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update
    apt-get install --yes --no-install-recommends chromium fonts-liberation
else
    echo "No Chromium on the PATH: the browser tests will be skipped. Install chromium to run them." >&2
fi
