#!/usr/bin/env bash
# The pure parts of the benchmark suite, and its way with processes: node's test runner over the *.test.mjs beside this.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.." || exit 2

out=$(node --test --test-reporter=tap tests/unit/bench/*.test.mjs 2>&1)
status=$?
count() { sed -nE "s/^# $1 ([0-9]+)$/\1/p" <<<"$out" | tail -n 1; }
passed=$(count pass) failed=$(count fail)
[ $status -eq 0 ] || echo "$out"
echo "${passed:-0} passed, ${failed:-1} failed"
exit $status
