#!/usr/bin/env bash
# The production overlay, lived on one machine: the four programs with its settings, with certificates of the names that its Certificates have, each on a loopback address
# that its Service's name resolves to, mutual TLS between them. What cannot come along: the bucket, cert-manager, and PostgreSQL's address.
set -u
if [ "${1:-}" != --inside ]; then # a mount namespace, for an /etc/hosts of its own
    own=(unshare --mount --propagation private)
    if [ "$(id -u)" = 0 ] && "${own[@]}" true 2>/dev/null; then exec "${own[@]}" "$0" --inside; fi
    echo 'not tried: it wants root, and the right to make a mount namespace'
    echo '[  SKIPPED ] 1 test(s), listed below:' # as tests/run knows it
    exit
fi
build=$(realpath "${QN_TEST_BUILD:-build}") passed=0 failed=0 pids=()
verdict() { # WHAT STATUS
    if [ "$2" -eq 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)) && echo "not so: $1"; fi
}
work=$(mktemp -d /tmp/quintet-tls.XXXXXX)
chmod 711 "$work"
postgres=/usr/lib/postgresql/15/bin
as_postgres() { setpriv --reuid=postgres --regid=postgres --clear-groups -- "$@"; }
finish() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null; done
    [ ! -f "$work/data/postmaster.pid" ] || as_postgres "$postgres/pg_ctl" -s -D "$work/data" -m immediate stop
    rm -rf "$work"
}
trap finish EXIT

# Addresses of this run alone: all of 127.0.0.0/8 is this machine's.
network=127.$((64 + $$ % 100)).$(($$ / 100 % 250))
{ cat /etc/hosts
    n=1
    for service in gateway auth profile media; do echo "$network.$((n++)) quintet-$service"; done; } >"$work/hosts"
mount --bind "$work/hosts" /etc/hosts
verdict 'the names of Services resolve' $?
address_of() { awk -v name="quintet-$1" '$2 == name { print $1 }' "$work/hosts"; }

node=$(tests/npm/install --build "$build" kubernetes) || exit 1
mkdir "$work/env" "$work/tls"
tests/harness/cluster/kustomize --build "$build" deploy/kubernetes/overlays/production >"$work/production.yaml" &&
    "$node" "$build/npm/kubernetes/env.mjs" "$work/production.yaml" deploy/kubernetes/overlays/production/secrets.example.yaml "$work/env"
verdict 'the overlay is rendered' $?

# An authority, and a certificate for each Certificate of the overlay, with its names and usages.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=quintet -keyout "$work/tls/ca.key" -out "$work/tls/ca.crt" 2>/dev/null
issue() { # SERVICE NAME…
    local service=$1 names=()
    shift
    for name in "$@"; do names+=("DNS:$name"); done
    mkdir "$work/tls/$service"
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj / -keyout "$work/tls/$service/tls.key" -out "$work/tls/$service.csr" 2>/dev/null &&
        openssl x509 -req -in "$work/tls/$service.csr" -CA "$work/tls/ca.crt" -CAkey "$work/tls/ca.key" -CAcreateserial -days 1 -out "$work/tls/$service/tls.crt" \
            -extfile <(printf 'subjectAltName=critical,%s\nextendedKeyUsage=serverAuth,clientAuth\nkeyUsage=digitalSignature\n' "$(IFS=, && echo "${names[*]}")") 2>/dev/null &&
        cp "$work/tls/ca.crt" "$work/tls/$service/"
}
for service in gateway auth profile media; do
    mapfile -t names <"$work/env/certificate.quintet-$service"
    issue "$service" "${names[@]}"
    verdict "a certificate for $service: ${names[*]}" $?
done

# A PostgreSQL, and the Job.
install -d -o postgres -g postgres -m 0700 "$work/data" "$work/sockets"
as_postgres "$postgres/initdb" -D "$work/data" -U postgres -A trust --no-sync >"$work/initdb.log" 2>&1 &&
    as_postgres "$postgres/pg_ctl" -s -w -D "$work/data" -l "$work/data/log" -o "-h $network.9 -p 5432 -k $work/sockets -c fsync=off" start &&
    as_postgres "$postgres/createdb" -h "$network.9" -U postgres app
verdict 'a PostgreSQL runs' $?
database="postgresql://quintet:password@$network.9:5432/app?connection_limit=5"
job() { env -i DATABASE_URL="$database" QUINTET_ADMIN_DATABASE_URL="postgresql://postgres@$network.9:5432/app" "$build/bin/quintet-profile" "$1" >"$work/job$1" 2>&1; }
job --provision && job --migrate
verdict 'the role and the tables are made' $?

start() { # SERVICE
    local address program=$build/bin/quintet-$1
    address=$(address_of "$1")
    # The settings of the overlay, but for where files and addresses are here.
    mapfile -t env < <(grep -vE '^(R2_|CLOUDFLARE_|DATABASE_URL)' "$work/env/quintet-$1.$1" |
        sed -e "s|0\.0\.0\.0:|$address:|" -e "s|/etc/quintet/tls/|$work/tls/$1/|")
    [ "$1" != profile ] || env+=("DATABASE_URL=$database")
    [ "$1" != media ] || env+=("QUINTET_MEDIA_LISTEN=$address:8081" "QUINTET_MEDIA_FOLDER=$work/objects")
    (cd "$work" && exec env -i "${env[@]}" QUINTET_SHUTDOWN_DELAY=0s QUINTET_HTTP_DRAIN_IDLE=0s "$program") >"$work/$1.log" 2>&1 &
    pids+=($!)
}
for service in gateway auth media profile; do start $service; done # in an order that is none
for service in gateway auth media profile; do
    curl -s -o /dev/null --retry 60 --retry-delay 1 --retry-max-time 20 --retry-all-errors -f "http://$(address_of $service):9700/readyz"
    verdict "$service is ready" $?
done

api=http://$(address_of gateway):8080
json='content-type: application/json'
curl -s -D "$work/head" "$api/quintet.auth.v1.AuthService/SignUp" -H "$json" -d '{"name":"Ada","email":"ada@example.com","password":"correct horse 1"}' | grep -q ada@example.com
verdict 'somebody signs up: gateway to auth to profile' $?
# The cookie is Secure, as in production; curl's jar would neither keep nor send it over http://.
cookie=$(sed -nE 's/^set-cookie: (__Secure-[^;]*session_token=[^;]*);.*/\1/Ip' "$work/head" | head -n 1)
ask() { curl -s -H "cookie: $cookie" "$api/$1" -H "$json" -d "$2"; }
ask quintet.profile.v1.ProfileService/CreateProfile '{"displayName":"Ada","birthDate":"1990-12-10","gender":"GENDER_FEMALE","city":"London","bio":"Engines."}' | grep -q London
verdict 'and makes a profile: gateway to profile' $?
ask quintet.media.v1.MediaService/CreateUpload '{"contentType":"image/jpeg","sizeBytes":1000}' | grep -q uploadId
verdict 'and begins an upload: gateway to media to profile' $?

# One address of profile serves all: who shows the gateway's certificate is refused the stores, who shows auth's is not.
calls() { # CERTIFICATE: statuses of a look-up in the session store
    "$build/bin/quintet-load" --target "tls+tcp://quintet-profile:7700" --method quintet.store.v1.SessionStore/GetSession --data '{"token":"none"}' \
        --tls-cert "$work/tls/$1/tls.crt" --tls-key "$work/tls/$1/tls.key" --tls-ca "$work/tls/ca.crt" --rate 20 --duration 1s --warmup 0s --quiet --json /dev/stdout 2>"$work/load.log" |
        grep -oE '"(ok|not_found|permission_denied|unavailable)": *[0-9]+' | cut -d'"' -f2 | sort -u | tr '\n' ' '
}
said=$(calls gateway)
[ "$said" = 'permission_denied ' ]
verdict "the gateway is refused the sessions' store ($said)" $?
said=$(calls auth)
[[ $said == *not_found* || $said == *ok* ]] && [[ $said != *permission_denied* ]]
verdict "auth is not ($said)" $?

for pid in "${pids[@]}"; do kill "$pid"; done
codes=''
for pid in "${pids[@]}"; do wait "$pid" && codes+='0 ' || codes+="$? "; done
[ "$codes" = '0 0 0 0 ' ]
verdict "all end with 0 ($codes)" $?
pids=()
if [ $failed -gt 0 ]; then tail -n 5 "$work"/*.log; fi
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
