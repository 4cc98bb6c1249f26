#!/usr/bin/env bash
# How many bytes set-up fetches: the wheels of each lock, the web assets, the Debian packages tests talk to.
set -euo pipefail
cd "$(dirname "$0")/.."
box=$(mktemp -d); trap 'rm -rf "$box"' EXIT
megabytes() { awk -v b="$1" -v n="$2" 'BEGIN { printf "%-46s %6.1f MB\n", n, b / 1e6 }'; }
for lock in run dev; do
  .venv/bin/python -m pip --disable-pip-version-check download --quiet --no-cache-dir --no-deps --require-hashes \
    --requirement "requirements/$lock.txt" --dest "$box/$lock" 2>/dev/null
  megabytes "$(du -sb "$box/$lock" | cut -f1)" "Python wheels of requirements/$lock.txt"
done
cp clinic_web/package.json clinic_web/package-lock.json clinic_web/.npmrc "$box/"
(cd "$box" && npm ci --silent --ignore-scripts --no-audit --no-fund --cache "$box/npm" >/dev/null)
megabytes "$(du -sb "$box/npm" | cut -f1)" "npm packages of the pages"
# what a bare Debian lacks: with an empty list of installed packages, all that is wanted less what the base system is
packages="mosquitto dcmtk chromium postgresql biosig-tools fontconfig fonts-wqy-microhei"
base="$(dpkg-query -W -f '${Priority} ${Package}\n' | awk '$1 ~ /required|important|standard/ { print $2 }')"
bytes() {
  apt-get install --no-install-recommends --print-uris -qq -y -o Dir::State::status=/dev/null "$@" | awk '{ sum += $3 } END { print sum }'
}
# shellcheck disable=SC2086  # lists of words
megabytes "$(($(bytes $base $packages) - $(bytes $base)))" "Debian packages for the peer tests (root only)"
