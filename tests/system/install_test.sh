#!/usr/bin/env bash
# make install: programs, units, examples, below PREFIX; units that systemd takes, hardened, with settings that the programs take.
set -u
build=${QN_TEST_BUILD:-build} passed=0 failed=0
verdict() { # WHAT STATUS
    if [ "$2" -eq 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)) && echo "not so: $1"; fi
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

DESTDIR=$work/staged PREFIX=/opt/quintet deploy/systemd/install "$build"
verdict 'it installs below DESTDIR' $?
[ -x "$work/staged/opt/quintet/bin/quintet-gateway" ] && [ -z "$(find "$work/staged" -path '*/usr/local*')" ]
verdict 'and nowhere else' $?
grep -qx 'ExecStart=/opt/quintet/bin/quintet-gateway' "$work/staged/opt/quintet/lib/systemd/system/quintet-gateway.service"
verdict 'units name the programs where they will be' $?

PREFIX=$work/here deploy/systemd/install "$build"
verdict 'it installs to PREFIX' $?
units=$work/here/lib/systemd/system
said=$(SYSTEMD_LOG_LEVEL=warning systemd-analyze verify --man=no "$units"/quintet* 2>&1)
[ $? -eq 0 ] && [ -z "$said" ]
verdict "systemd takes the units: $said" $?
for unit in "$units"/*.service; do
    # In tenths: 2.0 of 10. What is left is the network.
    systemd-analyze security --offline=true --threshold=20 "$unit" >"$work/security" 2>&1
    verdict "$(basename "$unit"): $(tail -n 1 "$work/security")" $?
done
[ "$(LC_ALL=C ls "$units")" = "$(cd deploy/systemd && LC_ALL=C ls -- *.service *.socket *.target | LC_ALL=C sort)" ]
verdict 'every unit is installed' $?

# The examples, filled in where they are empty, are settings that the programs take.
examples=$work/here/share/doc/quintet/examples
for service in gateway auth profile media; do
    mapfile -t env < <(cat "$examples/quintet.env" "$examples/$service.env" | grep -E '^[A-Z]' | sed \
        -e 's/^BETTER_AUTH_SECRET=$/&Zk3vQ9xW7rT1yB5nM2cD8fG4hJ6pL0sA/' -e 's|^DATABASE_URL=$|&postgresql://quintet:x@127.0.0.1/quintet?connection_limit=5|')
    said=$(env -i "${env[@]}" "$work/here/bin/quintet-$service" --check 2>&1)
    [ "$said" = ok ]
    verdict "the examples of $service: $said" $?
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
