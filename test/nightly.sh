#!/bin/bash
# The long forms, for a machine that has nothing else to do:
#   test/nightly.sh 8h        (or 30m, 90s: for how long fresh seeds are simulated)
# Before them: every planted mistake, rare ones too, 200 rounds of killing real servers under
# load, what idle servers use, silent cuts of their network, and the demonstrations of the KV.
# Together about half an hour on two cores, and some hours for the mistakes that are rare: a seed
# finds such a one in thousands, if any.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
source test/stages.sh
[[ ${1:-} =~ ^([1-9][0-9]*)([hms])$ ]] || { echo "usage: test/nightly.sh 8h, 30m or 90s" >&2; exit 2; }
case ${BASH_REMATCH[2]} in h) unit=3600 ;; m) unit=60 ;; s) unit=1 ;; esac
seconds=$((BASH_REMATCH[1] * unit))

# shellcheck disable=SC2317  # stage calls it
build() {
  cmake/bootstrap.sh && cmake --preset ci >/dev/null &&
    cmake --build --preset ci --target \
      zkq-sim zkq-mutants zkq-crash-rounds zkq-network-cuts zkq-kvd zkq-bench
}

# Four at a time, for most of each is waiting. Prints when each server served again.
# shellcheck disable=SC2317
network_cuts() {
  FLAGS_seconds=$1 ctest --preset ci -L cut -j 4 --verbose
}

if stage build build; then
  stage mutants build/ci/bin/zkq-mutants --jobs="$(nproc)"
  stage crash-rounds build/ci/bin/zkq-crash-rounds
  stage idle build/ci/bin/zkq-bench --idle=10
  stage cuts-of-30-s network_cuts 30
  stage cuts-of-60-s network_cuts 60
  stage demo examples/kv/demo.sh
  stage tour examples/kv/tour.sh
  stage fresh-seeds build/ci/bin/zkq-sim --seed=0 --runs=1000000000 \
    --seconds=$seconds --jobs="$(nproc)" --profile=all --servers=0 --coverage
fi
summary
