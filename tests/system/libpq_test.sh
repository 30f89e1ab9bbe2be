#!/usr/bin/env bash
# Only profile holds connections to PostgreSQL: no other service is even linked to libpq.
set -u
bin=${QN_TEST_BUILD:-build}/bin passed=0 failed=0
verdict() { # NAME GOOD
    if [ "$2" = yes ]; then passed=$((passed + 1)); else failed=$((failed + 1)) && echo "not so: $1"; fi
}
links() { # PROGRAM: yes, no, or what went wrong
    local libraries
    libraries=$(ldd "$bin/$1" 2>&1) || { echo "$libraries" && return; }
    if grep -q 'libpq\.so' <<<"$libraries"; then echo yes; else echo no; fi
}
for program in quintet-gateway quintet-auth quintet-media quintet-run; do
    verdict "$program is free of libpq ($(links $program))" "$([ "$(links $program)" = no ] && echo yes)"
done
verdict "quintet-profile has it ($(links quintet-profile))" "$([ "$(links quintet-profile)" = yes ] && echo yes)"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
