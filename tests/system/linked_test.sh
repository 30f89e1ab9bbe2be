#!/usr/bin/env bash
# Which program is linked to what, where that is a promise: only profile holds connections to PostgreSQL, so no other is even
# linked to libpq; and strangers' pictures are decoded by quintet-picture alone, which has no connections at all.
set -u
bin=${QN_TEST_BUILD:-build}/bin passed=0 failed=0
verdict() { # NAME GOOD
    if [ "$2" = yes ]; then passed=$((passed + 1)); else failed=$((failed + 1)) && echo "not so: $1"; fi
}
links() { # PROGRAM LIBRARIES: yes, no, or what went wrong
    local libraries
    libraries=$(ldd "$bin/$1" 2>&1) || { echo "$libraries" && return; }
    if grep -qE "lib($2)\.so" <<<"$libraries"; then echo yes; else echo no; fi
}
expect() { # PROGRAM LIBRARIES yes|no
    local is
    is=$(links "$1" "$2")
    verdict "$1 is linked to lib($2): $is, and should be: $3" "$([ "$is" = "$3" ] && echo yes)"
}
decoders='vips|jpeg|png16|webp|heif|de265|dav1d'
for program in quintet-gateway quintet-auth quintet-media quintet-run quintet-picture; do
    expect $program pq no
done
expect quintet-profile pq yes
for program in quintet-gateway quintet-auth quintet-media quintet-run quintet-profile; do
    expect $program "$decoders" no
done
expect quintet-picture "$decoders" yes
expect quintet-picture 'nng|uv|microhttpd|sodium' no # libvips itself brings a hundred others
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
