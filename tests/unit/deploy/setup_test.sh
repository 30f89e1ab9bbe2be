#!/usr/bin/env bash
# deploy/setup/install with lists of its own, and an apt-get that only writes down what it was asked for: what is missing is installed, once,
# with its progress told; whoever may not install is told how; a failure shows apt's own words.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.." || exit 2

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
passed=0 failed=0
check() { # WHAT COMMAND…
    local what=$1
    shift
    if "$@" >"$dir/said" 2>&1; then passed=$((passed + 1)); else failed=$((failed + 1)) && echo "not so: $what" && cat "$dir/said"; fi
}

# A machine with bash-of-the-list, and without two more.
mkdir "$dir/setup" "$dir/bin"
cp deploy/setup/install "$dir/setup/install"
printf '# a list\nthere  # as always\nquintet-one # why\n\n' >"$dir/setup/packages"
printf 'quintet-two\n' >"$dir/setup/packages-more"
printf 'there\n' >"$dir/setup/packages-there"
for program in bash cat dirname env grep mktemp rm tail; do ln -s "$(type -P $program)" "$dir/bin/$program"; done
stub() { # NAME TEXT
    printf '#!/bin/bash\n%s\n' "$2" >"$dir/bin/$1"
    chmod +x "$dir/bin/$1"
}
stub dpkg-query '[ "${!#}" != there ] || echo -n installed'
stub id 'echo "${AS_USER:-0}"'
stub apt-get 'echo "apt-get $*" >>'"$dir"'/asked
echo "dlstatus:1:49.9:Retrieving file 1 of 2"; echo "pmstatus:quintet-one:100.0:Installed"; echo "E: no such thing"
[ ! -e '"$dir"'/broken ]'

run() { # LIST …: what install says, and does
    : >"$dir/asked"
    PATH=$dir/bin "$dir/setup/install" "$@" >"$dir/out" 2>&1
}
says() { grep -qxF -- "$1" "$dir/out" || { cat "$dir/out" && return 1; }; }
asked_for() { [ "$(sed -n 's/^apt-get .* install -y -qq --no-install-recommends //p' "$dir/asked")" = "$1" ] || { cat "$dir/asked" && return 1; }; }
is_silent() { [ ! -s "$dir/out" ] && [ ! -s "$dir/asked" ]; }

run packages-there
check 'nothing is missing: success' test $? -eq 0
check 'nothing is missing: not a word' is_silent

run
check 'the first list is packages' test $? -eq 0
check 'what is there is left' asked_for quintet-one
check 'what is installed is told' says 'setup: installing quintet-one'
check 'how far it came, by quarters where nobody watches' says 'setup: fetching 25 %'
check 'and to the end' says 'setup: installing 100 %'
check 'apt'"'"'s own words are kept back' test "$(grep -c 'no such thing' "$dir/out")" -eq 0

run packages packages-more
check 'several lists are one' asked_for 'quintet-one quintet-two'

AS_USER=1000 run packages packages-more
check 'no root, no sudo: failure' test $? -eq 1
check 'no root, no sudo: what to do as root' says "  $dir/setup/install packages packages-more"
check 'no root, no sudo: nothing is tried' test ! -s "$dir/asked"

stub sudo 'echo "sudo $1" >>'"$dir"'/asked; exec "$@"'
AS_USER=1000 run packages-more
check 'by sudo' asked_for quintet-two
check 'all of it by sudo' test "$(grep -c '^sudo env$' "$dir/asked")" -eq 2

touch "$dir/broken"
run
check 'apt-get fails: so does this' test $? -eq 1
check 'apt-get fails: its words' says 'E: no such thing'
check 'apt-get fails: without its progress' test "$(grep -c status: "$dir/out")" -eq 0

run packages-none
check 'no such list: refused' test $? -eq 2
check 'every list of the tree is one that verbs name' test -z "$(for list in deploy/setup/packages*; do
    grep -qE "setup/install\"?( .*)? ${list##*/}( |$)" Makefile tests/bench/run tests/harness/cluster/{up,build} || echo "$list"
done)"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
