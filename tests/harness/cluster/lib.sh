# What build, up, down, dns and test have in common; sourced.
#
#   QUINTET_CLUSTER        folder of the running cluster (/tmp/quintet-k8s)
#   QUINTET_CLUSTER_BIN    the five programs that build makes (~/.cache/quintet-k8s/bin)
cluster=${QUINTET_CLUSTER:-/tmp/quintet-k8s}
programs=${QUINTET_CLUSTER_BIN:-$HOME/.cache/quintet-k8s/bin}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
node_address=10.99.0.1 # on loopback, as all of it
dns_address=10.96.0.10 # inside of the range of Services, where pods expect it

need() { # PACKAGE…: Debian's, those that are missing
    local missing=()
    for package in "$@"; do
        dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] || DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}
until_true() { # SECONDS COMMAND…
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.5
    done
}
# Any kubectl: a newer one speaks to an older server well enough for what is done here.
type -P kubectl >/dev/null || need kubernetes-client
kube() { kubectl --kubeconfig "$cluster/kubeconfig" "$@"; }
