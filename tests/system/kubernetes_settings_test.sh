#!/usr/bin/env bash
# The programs take the settings that deploy/kubernetes gives them: each container's environment, put together as Kubernetes does it, on top of
# the image's, is read by the program that it runs.
set -u
build=${QN_TEST_BUILD:-build} passed=0 failed=0
verdict() { # WHAT STATUS
    if [ "$2" -eq 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)) && echo "not so: $1"; fi
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
node=$(tests/npm/install --build "$build" kubernetes) || exit 1

program_of() { # WORKLOAD: whose image it has
    case $1 in quintet-database) echo quintet-profile ;; *) echo "$1" ;; esac
}
image_env() { # PROGRAM: the ENV lines of its image, and of what all images come from
    for stage in bare "${1#quintet-}"; do
        sed -n "/^FROM [a-z]* AS $stage$/,/^FROM [a-z]* AS /p" deploy/container/Dockerfile | sed -n '/^ENV /,/[^\\]$/p' | grep -oE '[A-Z][A-Z0-9_]+=[^ ]+'
    done
}
[ "$(image_env quintet-media | wc -l)" -eq 4 ]
verdict "the image of media sets four" $?
for overlay in local production; do
    examples=''
    if [ $overlay = production ]; then examples=deploy/kubernetes/overlays/production/secrets.example.yaml; fi
    mkdir "$work/$overlay"
    tests/harness/cluster/kustomize --build "$build" "deploy/kubernetes/overlays/$overlay" >"$work/$overlay.yaml" &&
        "$node" "$build/npm/kubernetes/env.mjs" "$work/$overlay.yaml" "$examples" "$work/$overlay"
    verdict "$overlay is rendered" $?
    n=0
    for file in "$work/$overlay"/quintet-*; do
        workload=$(basename "$file") workload=${workload%%.*}
        [ $workload != quintet-postgres ] || continue
        n=$((n + 1))
        program=$(program_of $workload)
        mapfile -t env < <(image_env "$program" && cat "$file") # what is said last holds
        said=$(env -i "${env[@]}" "$build/bin/$program" --check 2>&1)
        [ "$said" = ok ]
        verdict "$overlay: $(basename "$file"): $said" $?
    done
    [ $n -eq 6 ] # four services, and the two steps of the Job
    verdict "$overlay has six containers of ours, not $n" $?
done

# The test itself: a setting that is none of what is allowed is seen.
said=$(env -i QUINTET_RPC_LISTEN=tcp://0.0.0.0:7700 "$build/bin/quintet-media" --check 2>&1)
[ $? -eq 2 ] && grep -q QUINTET_RPC_ALLOW_PLAIN <<<"$said"
verdict "a plain address beyond this machine is refused: $said" $?
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
