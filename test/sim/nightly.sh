#!/bin/bash
# Simulates fresh seeds for as long as it is told, and stops at the first failure.
#   test/sim/nightly.sh 8h        (or 30m, 90s: what sleep understands)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
[ $# -eq 1 ] || { echo "usage: test/sim/nightly.sh DURATION" >&2; exit 2; }

cmake/bootstrap.sh
cmake --preset ci >/dev/null
cmake --build --preset ci --target zkq-sim

sleep "$1" &
until=$!
trap 'kill "$until" 2>/dev/null || true' EXIT
while kill -0 "$until" 2>/dev/null; do
  build/ci/bin/zkq-sim --seed=0 --runs=20000 --jobs="$(nproc)" --profile=all --servers=0 --coverage
done
