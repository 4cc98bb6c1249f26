#!/usr/bin/env bash
# setup.sh run|dev   Makes .venv from the lock and builds the web assets; quick when nothing changed.
set -euo pipefail
cd "$(dirname "$0")/.."
want=${1:?run or dev}
lock=requirements/$want.txt
fail() { echo "setup: $*" >&2; exit 2; }

python=
for candidate in ${PYTHON:-} python3.11 python3; do
  if command -v "$candidate" >/dev/null && "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] < (3, 11))' 2>/dev/null; then
    python=$candidate; break
  fi
done
[ -n "$python" ] || fail "Python 3.11 or newer is missing: as root, apt-get install python3 python3-venv"
"$python" -c 'import ensurepip, venv' 2>/dev/null || fail "Python's venv module is missing: as root, apt-get install python3-venv"

mkdir -p .setup
sum=$(cat "$lock" pyproject.toml | sha256sum | cut -d' ' -f1)
# a development environment holds all the product needs, so it serves `run` too
if [ ! -x .venv/bin/clinic ] || ! grep -qs "$sum" ".setup/$want"; then
  started=$(date +%s)
  echo "setup: making .venv from $lock" >&2
  [ -x .venv/bin/python ] || "$python" -m venv .venv
  .venv/bin/python -m pip --disable-pip-version-check install --quiet --no-compile --no-deps --require-hashes --requirement "$lock" \
    || fail "pip could not install $lock: is a package index reachable?"
  .venv/bin/python -m pip --disable-pip-version-check install --quiet --no-compile --no-deps --no-build-isolation --no-index --editable .
  echo "$sum" > ".setup/$want"
  echo "setup: .venv ready in $(( $(date +%s) - started )) s" >&2
fi
# the pages' two scripts come from npm; where the machine has none, a wheel of Node.js brings it
if ! command -v npm >/dev/null && [ ! -x .venv/bin/npm ] && [ ! -e clinic_web/static/vendor/htmx.min.js ]; then
  .venv/bin/python -m pip --disable-pip-version-check install --quiet --no-compile --no-deps --require-hashes \
    --requirement requirements/node.txt || fail "npm is missing and could not be installed: as root, apt-get install npm"
fi
# Node trusts only the authorities it ships; the machine's own (a clinic's proxy) count too
[ ! -e /etc/ssl/certs/ca-certificates.crt ] || export NODE_EXTRA_CA_CERTS=${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt}
.venv/bin/python -m clinic_web.build_assets
