#!/usr/bin/env bash
# quintet-echo as the benchmark suite starts it: what it prints can be read, bad use is refused, and both sides end in order.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2

echo_program=${QN_TEST_BUILD:-build}/bin/quintet-echo
dir=$(mktemp -d)
server=''
finish() {
    [ -z "$server" ] || kill "$server" 2>/dev/null
    rm -rf "$dir"
}
trap finish EXIT
passed=0 failed=0
check() { # WHAT COMMAND…
    local what=$1
    shift
    if "$@" >"$dir/said" 2>&1; then passed=$((passed + 1)); else failed=$((failed + 1)) && echo "not so: $what" && cat "$dir/said"; fi
}

# Starts a server on $1 and leaves its pid and where a client finds it.
serve() {
    mkfifo "$dir/ready.$1"
    "$echo_program" server "$2" >"$dir/ready.$1" 2>"$dir/log" &
    server=$!
    read -r _ address <"$dir/ready.$1"
    case $2 in ipc:*) address=$2 ;; esac
}
ends_in_order() { kill -TERM "$server" && wait "$server" && server=''; }

asks() { # METHOD IN_FLIGHT
    "$echo_program" client "$address" --server-pid "$server" --method "$1" --in-flight "$2" --seconds 0.2 --warmup 0.1 >"$dir/line" 2>"$dir/log" || { cat "$dir/log" && return 1; }
    node -e '
        const [method, n] = process.argv.slice(2)
        const line = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"))
        const bad = Object.entries({
            "the method": line.method === method, "in flight": line.in_flight === Number(n), payload: line.payload_bytes === 100,
            calls: line.calls > 0 && line.calls >= line.in_flight, rate: Math.abs(line.rate * line.seconds / line.calls - 1) < 0.2,
            latency: line.p50_us > 0 && line.p99_us >= line.p50_us, "CPU of both": line.client_cpu_us > 0 && line.server_cpu_us > 0,
        }).filter(([, right]) => !right)
        if (bad.length) { console.log(bad.map(([what]) => what), line); process.exit(1) }' "$dir/line" "$1" "$2"
}
refuses() {
    "$echo_program" "$@"
    [ $? -eq 2 ]
}

for transport in "ipc ipc://$dir/peers" "tcp tcp://127.0.0.1:0"; do
    serve ${transport% *} "${transport#* }"
    check "$transport: one call at a time" asks echo 1
    check "$transport: many at once" asks echo 64
    check "$transport: in batches" asks many 64
    check "$transport: the server ends in order" ends_in_order
done
check 'no verb is refused' refuses
check 'a number out of its range is refused' refuses client tcp://127.0.0.1:1 --server-pid 1 --in-flight 0
check 'no number is refused' refuses client tcp://127.0.0.1:1 --server-pid 1 --seconds soon
check 'a client without a server to watch is refused' refuses client tcp://127.0.0.1:1
check 'an unknown option is refused' refuses client tcp://127.0.0.1:1 --server-pid 1 --fast 1

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
