#!/usr/bin/env bash
# Runs the tests of the Python example against a private redis-server with the module.
#   LIQ_MODULE          libliq.so (default: target/debug/libliq.so, then target/release/libliq.so, of this repository)
#   LIQ_STRESS_SECONDS  length of the stress (default 30)
#   PYTHON              Python 3.10 or newer (default python3)
#   LIQ_VENV            where the virtual environment is kept (default target/python-venv)
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"

if [[ -z "${LIQ_MODULE:-}" ]]; then
  for candidate in "$root/target/debug/libliq.so" "$root/target/release/libliq.so"; do
    [[ -f "$candidate" ]] && LIQ_MODULE="$candidate" && break
  done
fi
: "${LIQ_MODULE:?build the module first (cargo build), or set LIQ_MODULE}"
export LIQ_MODULE

venv="${LIQ_VENV:-$root/target/python-venv}"
if ! cmp -s "$here/requirements.txt" "$venv/installed-requirements.txt"; then
  "${PYTHON:-python3}" -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
  cp "$here/requirements.txt" "$venv/installed-requirements.txt"
fi
cd "$here"
PYTHONDONTWRITEBYTECODE=1 exec "$venv/bin/python" -W error::DeprecationWarning -m unittest "$@"
