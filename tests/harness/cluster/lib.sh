# What build, up, down, enter, inside, dns and test have in common; sourced.
#
#   QUINTET_CLUSTER        folder of the running cluster (/tmp/quintet-k8s); not below /run, /opt, /var/lib or /var/log, which the cluster has of its own
#   QUINTET_CLUSTER_BIN    the five programs that build makes (~/.cache/quintet-k8s/bin)
#   QUINTET_CLUSTER_WHILE  a file: the cluster that up starts ends when nobody holds its lock any more
cluster=${QUINTET_CLUSTER:-/tmp/quintet-k8s}
programs=${QUINTET_CLUSTER_BIN:-$HOME/.cache/quintet-k8s/bin}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
node_address=10.99.0.1 # on the loopback of the cluster's own network
dns_address=10.96.0.10 # inside of the range of Services, where pods expect it
cgroup=quintet-k8s     # what pods are counted under, apart from what else runs on the machine

until_true() { # SECONDS COMMAND…
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.5
    done
}
# The folders of that cgroup: one a controller, one where they are unified, or both.
cgroups() {
    local mounted
    while read -r mounted; do echo "$mounted/$cgroup"; done < <(awk '$3 ~ /^cgroup2?$/ { print $2 }' /proc/mounts)
}
# podman's settings, as small as a machine may allow: where these are refused no container starts at all.
podman_settings() { # FILE
    printf '[containers]\ndefault_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]\n[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n' >"$1"
    export CONTAINERS_CONF=$1
}
