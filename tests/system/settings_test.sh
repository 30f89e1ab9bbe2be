#!/usr/bin/env bash
# README.md's table and the programs' --help name the same settings, and a bad one is told by name.
set -u
build=${QN_TEST_BUILD:-build} passed=0 failed=0
verdict() { # WHAT STATUS
    if [ "$2" -eq 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)) && echo "not so: $1"; fi
}
known=$(for program in gateway auth profile media run; do "$build/bin/quintet-$program" --help; done |
    sed -nE 's/^  ([A-Z][A-Z0-9_]+)( .*)?$/\1/p' | sort -u)
[ -n "$known" ]
verdict 'the programs name settings' $?
table=$(sed -n '/^## Settings/,/^## More/p' README.md | sed -nE 's/^\| ([^|]*) \|.*/\1/p' | grep -oE '[A-Z][A-Z0-9_]+' | sort -u)
for name in $known; do
    grep -qx "$name" <<<"$table"
    verdict "README.md's table has $name" $?
done
for name in $table; do
    grep -qx "$name" <<<"$known"
    verdict "some program knows $name of README.md" $?
done

# Every bad one at once, exit code 2, no secret shown.
said=$(env -i PATH="$PATH" DATABASE_URL='postgresql://u:hush@h/d?connection_limit=9' QUINTET_PG_QUEUE=many QUINTET_LOG_LEVEL=loud \
    "$build/bin/quintet-profile" 2>&1)
[ $? -eq 2 ]
verdict 'a bad setting ends with exit code 2' $?
for name in connection_limit QUINTET_PG_QUEUE QUINTET_LOG_LEVEL; do
    grep -q "$name" <<<"$said"
    verdict "$name is told" $?
done
! grep -q hush <<<"$said"
verdict 'no password is shown' $?
for program in gateway auth profile media run; do
    "$build/bin/quintet-$program" --version | grep -qE "^quintet-$program [0-9]+\.[0-9]+\.[0-9]+$"
    verdict "quintet-$program --version" $?
    "$build/bin/quintet-$program" --nonsense >/dev/null 2>&1
    [ $? -eq 2 ]
    verdict "quintet-$program refuses what it does not know" $?
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
