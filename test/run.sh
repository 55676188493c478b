#!/bin/bash
# Builds everything and runs every test:
#   test/run.sh [ctest arguments]     e.g.  test/run.sh -L unit    test/run.sh -R election
# Installs missing packages first (cmake/bootstrap.sh). The build is build/ci.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cmake/bootstrap.sh
cmake --preset ci
cmake --build --preset ci
ctest --preset ci -j "$(nproc)" "$@"
