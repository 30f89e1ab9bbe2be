// Who may reach whom, by the NetworkPolicies: a connection is allowed when one policy of the caller's side and one of the called side allow it;
// a pod that no policy of a direction selects is open in that direction (Kubernetes' own rule).
import { byKind, selects, workloads } from './objects.mjs';

export const OUTSIDE = 'anything outside';
export const DNS = "the cluster's DNS";
export const PROMETHEUS = 'namespace monitoring';

const NAMESPACE = 'kubernetes.io/metadata.name';

function peersOf(peers, group) {
    // No "from" or "to": everything.
    if (!peers || peers.length === 0) return true;
    return peers.some(({ podSelector, namespaceSelector, ipBlock }) => {
        if (ipBlock) return group.outside;
        const namespaced = namespaceSelector ? selects(namespaceSelector, group.namespace) : group.ours;
        return namespaced && (!podSelector || selects(podSelector, group.labels)) && !group.outside;
    });
}

const portOf = (ports, port) => !ports || ports.length === 0 || ports.some((one) => one.port === port && (one.protocol ?? 'TCP') === 'TCP');

function allows(policies, direction, self, other, port) {
    const type = direction === 'ingress' ? 'Ingress' : 'Egress';
    if (!self.ours) return true;
    const mine = policies.filter(({ spec }) => spec.policyTypes.includes(type) && selects(spec.podSelector, self.labels));
    if (mine.length === 0) return true;
    return mine.some(({ spec }) =>
        (spec[direction] ?? []).some((rule) => peersOf(direction === 'ingress' ? rule.from : rule.to, other) && portOf(rule.ports, port)),
    );
}

function groups(objects) {
    const pods = workloads(objects).map(({ name, labels, containers }) => ({
        name,
        labels,
        ours: true,
        namespace: { [NAMESPACE]: 'quintet' },
        ports: containers.flatMap((container) => (container.ports ?? []).map((port) => port.containerPort)),
    }));
    // Pods of other namespaces that the policies name, so that the way there is seen.
    const foreign = new Map();
    for (const { spec } of byKind(objects, 'NetworkPolicy'))
        for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])])
            for (const peer of rule.from ?? rule.to ?? []) {
                const namespace = peer.namespaceSelector?.matchLabels?.[NAMESPACE];
                if (!namespace) continue;
                const labels = peer.podSelector?.matchLabels ?? {};
                const what = Object.values(labels).join(' ');
                const name = namespace === 'kube-system' ? DNS : `namespace ${namespace}${what ? ` (${what})` : ''}`;
                const ports = (rule.ports ?? []).map((port) => port.port);
                foreign.set(name, { name, labels, namespace: { [NAMESPACE]: namespace }, ports: rule.to ? ports : [] });
            }
    const outside = { name: OUTSIDE, outside: true, labels: {}, namespace: {}, ports: [443, 465, 587, 25, 80] };
    return [outside, ...pods, ...foreign.values()];
}

// [{ from, to, port }], of all pairs with one of ours among them.
export function reach(objects) {
    const policies = byKind(objects, 'NetworkPolicy');
    const all = groups(objects);
    const ways = [];
    for (const from of all)
        for (const to of all) {
            if (!from.ours && !to.ours) continue;
            for (const port of new Set(to.ports))
                if (allows(policies, 'egress', from, to, port) && allows(policies, 'ingress', to, from, port))
                    ways.push({ from: from.name, to: to.name, port });
        }
    return ways;
}

// As a table for deploy/README.md. What is open to anything outside is not said again of what is outside by name.
export function table(ways, objects) {
    const ours = workloads(objects).map(({ name }) => name);
    const open = ways.filter(({ from }) => from === OUTSIDE).map(({ to, port }) => `${to} ${port}`);
    const rows = new Map();
    for (const { from, to, port } of ways) {
        if (from !== OUTSIDE && !ours.includes(from) && open.includes(`${to} ${port}`)) continue;
        const key = `${from}\u0000${to}`;
        rows.set(key, [...(rows.get(key) ?? []), port]);
    }
    const lines = [...rows].map(([key, ports]) => {
        const [from, to] = key.split('\u0000');
        return `| ${from} | ${to} | ${ports.sort((a, b) => a - b).join(', ')} |`;
    });
    return ['| from | to | ports |', '| --- | --- | --- |', ...lines.sort()].join('\n');
}
