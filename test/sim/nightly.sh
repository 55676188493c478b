#!/bin/bash
# Simulates fresh seeds for as long as it is told; stops at the tenth failure.
#   test/sim/nightly.sh 8h        (or 30m, 90s)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
[[ ${1:-} =~ ^([1-9][0-9]*)([hms])$ ]] || { echo "usage: test/sim/nightly.sh 8h, 30m or 90s" >&2; exit 2; }
case ${BASH_REMATCH[2]} in h) unit=3600 ;; m) unit=60 ;; s) unit=1 ;; esac

cmake/bootstrap.sh
cmake --preset ci >/dev/null
cmake --build --preset ci --target zkq-sim
build/ci/bin/zkq-sim --seed=0 --runs=1000000000 --seconds=$((BASH_REMATCH[1] * unit)) \
  --jobs="$(nproc)" --profile=all --servers=0 --coverage
