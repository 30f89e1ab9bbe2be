#!/usr/bin/env bash
# The supervisor behind `make run`, as its user sees it: one line when all is ready, services that come back, an end
# in order, nothing left behind.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2
bin=$(realpath "${QN_TEST_BUILD:-build}")/bin
work=$(mktemp -d /var/tmp/quintet-run-test.XXXXXX)
chmod 755 "$work"
unset DATABASE_URL QUINTET_ADMIN_DATABASE_URL BETTER_AUTH_SECRET BETTER_AUTH_SECRETS AUTH_SECRET BETTER_AUTH_URL
export QUINTET_HTTP_LISTEN=127.0.0.1:0 QUINTET_MEDIA_LISTEN=127.0.0.1:0
passed=0 failed=0 supervisor=''

finish() {
    if [ -n "$supervisor" ]; then kill -9 "$supervisor" 2>/dev/null; fi
    for link in "$work"/*/pg "$work"/*/*/pg; do [ -L "$link" ] && rm -rf "$(readlink "$link")"; done
    rm -rf "$work"
}
trap finish EXIT

verdict() { # NAME COMMAND…: passes when the command succeeds
    local name=$1
    shift
    if "$@"; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        echo "not so: $name"
        tail -n 15 "$work/log" | sed 's/^/    | /'
    fi
}
soon() { # COMMAND…: until it succeeds, 30 s at most
    for _ in $(seq 600); do
        if "$@"; then return 0; fi
        read -rt 0.05 <> <(:) || true
    done
    return 1
}
says() { grep -qE -- "$1" "$work/log"; }
says_in_order() { # PATTERN…: lines of the log, one after the other
    local from=0 line
    for pattern in "$@"; do
        line=$(tail -n +$((from + 1)) "$work/log" | grep -nE -m1 -- "$pattern" | cut -d: -f1)
        [ -n "$line" ] || { echo "    ($pattern is not where it belongs)" && return 1; }
        from=$((from + line))
    done
}
endpoint() { sed -nE "s/^$1=(.*)/\1/p" "$QUINTET_RUN_DIR/endpoints"; }
gone() { # ended, or only waiting to be waited for by whoever adopted it
    local state
    state=$(sed -nE 's/^[0-9]+ \(.*\) ([A-Z]) .*/\1/p' "/proc/$1/stat" 2>/dev/null)
    [ -z "$state" ] || [ "$state" = Z ]
}
all_gone() { for pid in "$@"; do gone "$pid" || return 1; done; }
answers() { [ "$(curl -s -o /dev/null -w '%{http_code}' "$1/readyz")" = 200 ]; }
start() { # [COMMAND…]: in front of the program
    "$@" "$bin/quintet-run" >"$work/out" 2>"$work/log" </dev/null &
    supervisor=$!
}
ended_with() { # CODE
    local code=0
    wait "$supervisor" || code=$?
    supervisor=''
    [ "$code" = "$1" ] || { echo "    (exit code $code)" && return 1; }
}
start_ready() {
    start "$@"
    verdict 'it becomes ready' soon grep -q '^quintet: ready on http://' "$work/out"
}

# A first start, from nothing.
export QUINTET_RUN_DIR=$work/first
start_ready
if [ $failed -gt 0 ]; then # without it the rest says nothing
    echo "$passed passed, $failed failed"
    exit 1
fi
url=$(endpoint HTTP)
verdict 'one line on stdout, with the address' [ "$(cat "$work/out")" = "quintet: ready on $url" ]
verdict 'the gateway answers there' answers "$url"
verdict 'the endpoints are their owner'\''s alone' [ "$(stat -c %a "$QUINTET_RUN_DIR/endpoints")" = 600 ]
verdict 'so is the secret' [ "$(stat -c %a "$QUINTET_RUN_DIR/secret")" = 600 ]
verdict 'the log says that a secret was made' says 'BETTER_AUTH_SECRET is not set: made one'
verdict 'and does not show it' [ "$(grep -cF "$(cat "$QUINTET_RUN_DIR/secret")" "$work/log")" = 0 ]
for name in PROFILE AUTH MEDIA GATEWAY; do
    verdict "$name answers on its admin port" answers "$(endpoint "ADMIN_$name")"
done
verdict 'a secret stays with whom it concerns' \
    [ "$(grep -lz BETTER_AUTH_SECRET= "/proc/$(endpoint PID_GATEWAY)/environ" "/proc/$(endpoint PID_MEDIA)/environ" \
        "/proc/$(endpoint PID_PROFILE)/environ" | wc -l)" = 0 ]

# Others in the way.
"$bin/quintet-run" >"$work/second" 2>&1
verdict 'a second copy on the same folder is refused' [ $? = 2 ]
verdict 'and told which one has it' grep -q "another copy runs in $QUINTET_RUN_DIR (pid $supervisor)" "$work/second"
QUINTET_RUN_DIR=$work/other QUINTET_HTTP_LISTEN=${url#http://} "$bin/quintet-run" >"$work/second" 2>&1
verdict 'a port in use is refused' [ $? = 2 ]
verdict 'in one line that names the setting' grep -qx "quintet-run: QUINTET_HTTP_LISTEN: ${url#http://} is in use .*" "$work/second"
verdict 'one line' [ "$(wc -l <"$work/second")" = 1 ]
QUINTET_HTTP_LISTEN=nonsense QUINTET_SHUTDOWN_TIMEOUT=soon "$bin/quintet-run" >"$work/second" 2>&1
verdict 'bad settings are refused' [ $? = 2 ]
verdict 'all at once' [ "$(grep -c 'is not allowed' "$work/second")" = 2 ]

# A service that dies. Its socket does not: clients wait in the queue.
came_back() { [ "$(endpoint PID_AUTH)" != "$auth" ] && answers "$(endpoint ADMIN_AUTH)"; }
auth=$(endpoint PID_AUTH) admin=$(endpoint ADMIN_AUTH)
kill -9 "$auth"
verdict 'a service that dies comes back' soon came_back
verdict 'where it was' [ "$(endpoint ADMIN_AUTH)" = "$admin" ]
verdict 'and the log says so' says 'a service died; it will be started again service=auth end="signal 9 \(Killed\)"'
verdict 'the whole is ready again' soon answers "$url"
gateway=$(endpoint PID_GATEWAY)
kill -9 "$gateway"
verdict 'a client of a dead gateway waits for the next' [ "$(curl -s --max-time 20 "$url/healthz")" = ok ]
verdict 'nothing more on stdout' [ "$(wc -l <"$work/out")" = 1 ]

# The database's server dies.
database=$(endpoint PID_POSTGRES)
came_back() { [ "$(endpoint PID_POSTGRES)" != "$database" ] && answers "$url"; }
kill -9 "$database"
verdict 'PostgreSQL comes back, and the whole with it' soon came_back
verdict 'and the log says so' says 'PostgreSQL died; it will be started again end="signal 9 \(Killed\)"'

# The supervisor itself is killed: nothing may be left, and the next start must not trip over the remains.
pids=$(for name in PROFILE AUTH MEDIA GATEWAY POSTGRES; do endpoint "PID_$name"; done)
secret=$(cat "$QUINTET_RUN_DIR/secret")
kill -9 "$supervisor"
wait "$supervisor" 2>/dev/null
verdict 'killed, it leaves no process behind' soon all_gone $pids
start_ready
verdict 'the secret is kept' [ "$(cat "$QUINTET_RUN_DIR/secret")" = "$secret" ]
verdict 'the cluster too' [ "$(grep -c 'making a database cluster' "$work/log")" = 0 ]

# An orderly end.
pids=$(for name in PROFILE AUTH MEDIA GATEWAY POSTGRES; do endpoint "PID_$name"; done)
kill -TERM "$supervisor"
verdict 'SIGTERM ends it with 0' ended_with 0
verdict 'in order' says_in_order 'run: stopping signal=SIGTERM' 'gateway: ended' 'run: stopped service=gateway' \
    'media: ended' 'run: stopped service=media' 'auth: ended' 'run: stopped service=auth' \
    'pg: connection closed' 'profile: ended' 'run: stopped service=profile' 'run: PostgreSQL stopped' 'run: ended'
verdict 'with a line for each of the five connections' [ "$(grep -c 'pg: connection closed' "$work/log")" = 5 ]
verdict 'no process is left' all_gone $pids
verdict 'no endpoints are left' [ ! -e "$QUINTET_RUN_DIR/endpoints" ]

# A second signal.
start_ready
pids=$(for name in PROFILE AUTH MEDIA GATEWAY POSTGRES; do endpoint "PID_$name"; done)
kill -STOP "$(endpoint PID_GATEWAY)" # it will not end of itself
kill -INT "$supervisor"
verdict 'it waits for the one that hangs' soon says 'stopping signal=SIGINT'
kill -TERM "$supervisor"
verdict 'a second signal ends it at once' ended_with 143
verdict 'and all the others' soon all_gone $pids

# A database of one's own, which may be anybody's: here the first copy's cluster, under other names.
start_ready
first=$supervisor
first_dir=$QUINTET_RUN_DIR
own=$(endpoint DATABASE_URL | sed -E 's#//quintet:[^@]*@#//site:pass%20word@#; s#/quintet\?#/site?#') admin=$(endpoint ADMIN_DATABASE_URL)
export QUINTET_RUN_DIR=$work/second_copy
start_ready env DATABASE_URL="$own" QUINTET_ADMIN_DATABASE_URL="$admin"
verdict 'with DATABASE_URL no cluster is made' [ ! -e "$QUINTET_RUN_DIR/pg" ]
verdict 'two copies run side by side' answers "$(endpoint HTTP)"
kill -TERM "$supervisor"
verdict 'and end by themselves' ended_with 0
supervisor=$first QUINTET_RUN_DIR=$first_dir
kill -TERM "$supervisor"
verdict 'the first too' ended_with 0
export QUINTET_RUN_DIR=$work/nobody_there
start env DATABASE_URL=postgresql://a:b@127.0.0.1:1/c
verdict 'a database that cannot be reached is told' ended_with 1
verdict 'by name' says 'did not start why="quintet-profile --migrate: exit code 1'

if [ "$(id -u)" = 0 ]; then
    # The database's user cannot enter root's folder.
    mkdir -m 700 "$work/closed"
    export QUINTET_RUN_DIR=$work/closed/run
    start_ready
    verdict 'the cluster lies in /var/tmp then' [ -d "$(readlink "$QUINTET_RUN_DIR/pg")/data" ]
    verdict 'and the log says so' says 'the database lies elsewhere folder=/var/tmp/quintet-pg-'
    kill -TERM "$supervisor"
    verdict 'it ends' ended_with 0

    # As a user like any other, from a place where that user may run it.
    mkdir "$work/programs"
    cp "$bin"/quintet-{run,profile,auth,media,gateway} "$work/programs/"
    mkdir -m 700 "$work/nobody"
    chown nobody "$work/nobody"
    export QUINTET_RUN_DIR=$work/nobody/run
    bin=$work/programs
    start_ready setpriv --reuid=nobody --regid=nogroup --clear-groups
    verdict 'everything belongs to that user' [ -z "$(find "$QUINTET_RUN_DIR" ! -user nobody)" ]
    kill -TERM "$supervisor"
    verdict 'it ends' ended_with 0
fi

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
