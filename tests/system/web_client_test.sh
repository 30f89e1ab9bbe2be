#!/usr/bin/env bash
# @quintet/next: its own tests (services/web/client/test), against the gateway of this build and in a Next.js site of its own.
set -u
build=$(realpath "${QN_TEST_BUILD:-build}")
node=$(services/web/install --build "$build") || { echo '0 passed, 1 failed' && exit 1; }
cd "$build/web/client" || exit 2
report=$build/web/.client-report.json
rm -f "$report"
export QUINTET_BIN=$build/bin PATH=${node%/*}:$PATH
unset QUINTET_URL QUINTET_IMAGES DATABASE_URL
"$node" ../node_modules/vitest/vitest.mjs run --reporter=default --reporter=json --outputFile.json="$report"
status=$?
"$node" -e '
    const { numPassedTests, numFailedTests } = JSON.parse(require("fs").readFileSync(process.argv[1]))
    console.log(`${numPassedTests} passed, ${numFailedTests} failed`)
' "$report" || exit 1
exit $status
