#!/bin/bash
# Kills a random one of three real servers under load and starts it again, over and
# over; at the end no acknowledged write is lost and the three states are equal.
#   test/crash_rounds.sh [--rounds=200] [--seed=1] [--writes=500]
# ctest runs a short form of it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cmake/bootstrap.sh
cmake --preset ci >/dev/null
cmake --build --preset ci --target zkq-crash-rounds
exec build/ci/bin/zkq-crash-rounds "$@"
