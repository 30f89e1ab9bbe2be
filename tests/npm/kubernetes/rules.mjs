// What no schema says: the manifests against each other, and against what the programs do.
import { byKind, environment, held, selects, workloads } from './objects.mjs';
import { DNS, OUTSIDE, PROMETHEUS, reach } from './reach.mjs';

const FATAL_PORTS = { health: '/healthz', ready: '/readyz' };
const OVERDUE_S = 5; // common/app/shutdown.c: what a part that does not end is given
const SERVICES = ['gateway', 'auth', 'profile', 'media'];

// Who calls whom: the callers of proto/*.proto, PostgreSQL for those that speak SQL, and nothing else.
const CALLS = {
    'quintet-gateway': ['quintet-auth', 'quintet-profile', 'quintet-media'],
    'quintet-auth': ['quintet-profile'],
    'quintet-profile': ['quintet-profile', 'postgres'],
    'quintet-media': ['quintet-profile'],
    'quintet-database': ['postgres'],
};
// Which Secrets' keys a program may see.
const SECRETS = {
    BETTER_AUTH_SECRET: ['quintet-auth'],
    BETTER_AUTH_SECRETS: ['quintet-auth'],
    SMTP_URL: ['quintet-auth'],
    DATABASE_URL: ['quintet-profile', 'quintet-database'],
    QUINTET_ADMIN_DATABASE_URL: ['quintet-database'],
    R2_SECRET_ACCESS_KEY: ['quintet-media'],
    S3_SECRET_ACCESS_KEY: ['quintet-media'],
};

export function seconds(text) {
    const found = /^(\d+)(ms|s|m|h|d)?$/.exec(text ?? '');
    return found ? found[1] * { ms: 0.001, s: 1, m: 60, h: 3600, d: 86400 }[found[2] ?? 'ms'] : NaN;
}
export function mebibytes(text) {
    const found = /^(\d+)(Mi|Gi)$/.exec(text ?? '');
    return found ? found[1] * { Mi: 1, Gi: 1024 }[found[2]] : NaN;
}
const portOf = (address) => Number(/:(\d+)$/.exec(address ?? '')?.[1]);
const hostOf = (address) => /^[a-z+]+:\/\/([^:/]+)/.exec(address ?? '')?.[1];

function containerRules(load, container, say) {
    const at = (text) => say(`container ${container.name}: ${text}`);
    const image = container.image ?? '';
    if (!/(:[^:/@]+|@sha256:[0-9a-f]{64})$/.test(image) || /:(latest|main|master)$/.test(image)) at(`image ${image} is not pinned`);
    if (container.imagePullPolicy !== 'IfNotPresent') at('imagePullPolicy is not IfNotPresent');
    for (const what of ['cpu', 'memory']) if (!container.resources?.requests?.[what]) at(`no request of ${what}`);
    if (!container.resources?.limits?.memory) at('no limit of memory');
    const security = container.securityContext ?? {};
    if (security.allowPrivilegeEscalation !== false) at('may escalate its privileges');
    if (security.readOnlyRootFilesystem !== true) at('may write to its root file system');
    if (!security.capabilities?.drop?.includes('ALL') || security.capabilities.add) at('has capabilities');
    if (security.privileged) at('is privileged');
    const own = load.spec.containers?.includes(container);
    if (own && load.kind !== 'Job')
        for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe']) {
            if (!container[probe]) at(`no ${probe}`);
            const port = container[probe]?.httpGet?.port;
            if (port && !container.ports?.some((one) => one.name === port || one.containerPort === port))
                at(`${probe} asks a port ${port} that is not there`);
        }
    if (container.livenessProbe?.httpGet?.path === FATAL_PORTS.ready) at('would be restarted while its database is away: livenessProbe asks /readyz');
    if (container.readinessProbe?.httpGet?.path === FATAL_PORTS.health) at('would be ready while it cannot work: readinessProbe asks /healthz');
}

function podRules(load, say) {
    const { spec } = load;
    const security = spec.securityContext ?? {};
    if (security.runAsNonRoot !== true || !(security.runAsUser > 0)) say('may run as root');
    if (security.seccompProfile?.type !== 'RuntimeDefault') say('no seccomp profile');
    if (spec.automountServiceAccountToken !== false) say("has a token of Kubernetes' API");
    for (const host of ['hostNetwork', 'hostPID', 'hostIPC']) if (spec[host]) say(`shares the node's ${host.slice(4)}`);
    for (const volume of spec.volumes ?? []) if (volume.hostPath) say(`volume ${volume.name} is a folder of the node`);
    for (const spread of spec.topologySpreadConstraints ?? [])
        if (!selects(spread.labelSelector, load.labels)) say('its topology spread counts other pods');
    for (const container of load.containers)
        for (const mount of container.volumeMounts ?? []) {
            const claims = load.object.spec.volumeClaimTemplates ?? [];
            if (![...(spec.volumes ?? []), ...claims.map((claim) => claim.metadata)].some((volume) => volume.name === mount.name))
                say(`mounts a volume ${mount.name} that is not there`);
        }
}

// Everything that is referred to exists.
function referenceRules(objects, load, have, say) {
    for (const container of load.containers) {
        for (const from of container.envFrom ?? []) {
            const name = from.configMapRef ? `ConfigMap/${from.configMapRef.name}` : `Secret/${from.secretRef?.name}`;
            if (!have[name]) say(`there is no ${name}`);
        }
        for (const { valueFrom } of container.env ?? []) {
            const [kind, ref] = valueFrom?.secretKeyRef ? ['Secret', valueFrom.secretKeyRef] : ['ConfigMap', valueFrom?.configMapKeyRef];
            if (ref && have[`${kind}/${ref.name}`]?.[ref.key] === undefined) say(`there is no key ${ref.key} in ${kind}/${ref.name}`);
        }
    }
    for (const { name, secret, configMap, persistentVolumeClaim } of load.spec.volumes ?? []) {
        if (secret && !have[`Secret/${secret.secretName}`]) say(`volume ${name}: there is no Secret/${secret.secretName}`);
        if (configMap && !have[`ConfigMap/${configMap.name}`]) say(`volume ${name}: there is no ConfigMap/${configMap.name}`);
        const claim = persistentVolumeClaim?.claimName;
        if (claim && !byKind(objects, 'PersistentVolumeClaim').some((one) => one.metadata.name === claim))
            say(`volume ${name}: there is no claim ${claim}`);
    }
    const account = load.spec.serviceAccountName;
    if (!byKind(objects, 'ServiceAccount').some((one) => one.metadata.name === account)) say(`there is no ServiceAccount ${account}`);
}

// The file that a setting names is in a volume, under that key.
function fileIsMounted(load, container, have, path) {
    const mount = container.volumeMounts?.find((one) => path.startsWith(`${one.mountPath}/`));
    const volume = load.spec.volumes?.find((one) => one.name === mount?.name);
    return have[`Secret/${volume?.secret?.secretName}`]?.[path.slice(mount?.mountPath.length + 1)] !== undefined;
}

function serviceAt(objects, address) {
    return byKind(objects, 'Service').find((one) => one.metadata.name === hostOf(address));
}

function certificateRules(objects, load, service, say) {
    const secret = load.spec.volumes?.find((volume) => volume.name === 'tls')?.secret?.secretName;
    const certificate = byKind(objects, 'Certificate').find((one) => one.spec.secretName === secret);
    if (!certificate) return say(`no Certificate makes Secret/${secret}`);
    const names = certificate.spec.dnsNames ?? [];
    if (!names.includes(service)) say(`its certificate does not say that it is ${service}`);
    if (names.some((name) => SERVICES.some((other) => other !== service && (name === other || name.startsWith(`${other}.`)))))
        say('its certificate says that it is another');
    if (service !== 'gateway' && !names.includes(`quintet-${service}`)) say(`its certificate lacks the name it is dialled by, quintet-${service}`);
    for (const usage of ['server auth', 'client auth'])
        if (certificate.spec.usages && !certificate.spec.usages.includes(usage)) say(`its certificate is not for ${usage}`);
}

function settingRules(objects, load, container, have, known, say) {
    const env = environment(container, have);
    const service = load.name.replace(/^quintet-/, '');
    for (const name of Object.keys(env)) {
        if (!known.has(name)) say(`no program knows the setting ${name}`);
        if (SECRETS[name] && !SECRETS[name].includes(load.name)) say(`must not see ${name}`);
    }
    if (!SERVICES.includes(service) || load.kind === 'Job') return;
    const ports = (container.ports ?? []).map((one) => one.containerPort);
    for (const name of ['QUINTET_ADMIN_LISTEN', 'QUINTET_RPC_LISTEN', 'QUINTET_HTTP_LISTEN', 'QUINTET_MEDIA_LISTEN'])
        if (env[name] && !ports.includes(portOf(env[name]))) say(`${name} is ${env[name]}, and no port of the container`);
    if (/^(tls\+)?tcp:\/\/127\.|^127\./.test(env.QUINTET_RPC_LISTEN ?? env.QUINTET_HTTP_LISTEN ?? '')) say('listens to itself alone');
    if (Number(load.template.metadata?.annotations?.['prometheus.io/port']) !== portOf(env.QUINTET_ADMIN_LISTEN))
        say('prometheus.io/port is not the admin port');
    for (const [name, address] of Object.entries(env).filter(([name]) => /_ADDRESS$|_PEERS$|RPC_LISTEN$/.test(name))) {
        if (!/RPC_LISTEN$/.test(name)) {
            const to = serviceAt(objects, address);
            if (!to) say(`${name}: there is no Service ${hostOf(address)}`);
            else if (!to.spec.ports.some((one) => one.port === portOf(address)))
                say(`${name}: Service ${to.metadata.name} has no port ${portOf(address)}`);
            if (to && (to.spec.clusterIP !== 'None' || !to.spec.publishNotReadyAddresses))
                say(`${name}: Service ${to.metadata.name} must be headless and publish addresses that are not ready`);
        }
        if (address.startsWith('tcp://') && env.QUINTET_RPC_ALLOW_PLAIN !== 'true') say(`${name} is plain, and QUINTET_RPC_ALLOW_PLAIN is not set`);
        if (address.startsWith('tls+tcp://') && env.QUINTET_RPC_ALLOW_PLAIN === 'true') say('allows plain connections beside TLS');
    }
    if (Object.values(env).some((value) => value.startsWith('tls+tcp://'))) {
        for (const name of ['QUINTET_TLS_CERT', 'QUINTET_TLS_KEY', 'QUINTET_TLS_CA'])
            if (!env[name]) say(`${name} is missing`);
            else if (!fileIsMounted(load, container, have, env[name])) say(`${name}: ${env[name]} is in no volume`);
        certificateRules(objects, load, service, say);
    }
    // By itself a program counts the cores of its node, whatever part of them and of the memory its pod may have.
    const memory = mebibytes(container.resources?.limits?.memory);
    const [counted, each, rest] = { auth: ['QUINTET_AUTH_HASH_THREADS', 32, 128], media: ['QUINTET_MEDIA_PICTURE_WORKERS', 1024, 256] }[service] ?? [];
    if (counted && !(Number(env[counted]) > 0)) say(`${counted} is not set, so it is as many as the node has cores`);
    else if (counted && env[counted] * each + rest > memory) say(`${counted}: ${env[counted]} times ${each} MiB do not fit into ${memory} MiB`);
    const rootCertificate = /sslrootcert=([^&]+)/.exec(env.DATABASE_URL ?? '')?.[1];
    if (rootCertificate && !fileIsMounted(load, container, have, rootCertificate)) say(`DATABASE_URL: ${rootCertificate} is in no volume`);
    const drain = seconds(env.QUINTET_SHUTDOWN_TIMEOUT ?? '20s') + seconds(env.QUINTET_SHUTDOWN_DELAY ?? '0s') + OVERDUE_S;
    if (!(load.spec.terminationGracePeriodSeconds > drain))
        say(`is killed after ${load.spec.terminationGracePeriodSeconds} s, and may need ${drain} s to end`);
    if (service === 'gateway' && !(seconds(env.QUINTET_SHUTDOWN_DELAY) >= 3))
        say('takes no new connections while kube-proxy still sends some: QUINTET_SHUTDOWN_DELAY');
    const scaler = byKind(objects, 'HorizontalPodAutoscaler').find((one) => one.spec?.scaleTargetRef?.name === load.name);
    const most = scaler?.spec.maxReplicas ?? load.object.spec.replicas ?? 1;
    if (service === 'media' && most > 1 && !env.R2_BUCKET && !env.S3_BUCKET) say('several pods, and no bucket that they share');
    const rolling = load.object.spec.strategy?.rollingUpdate;
    if (load.object.spec.strategy?.type !== 'Recreate' && rolling?.maxUnavailable !== 0) say('a rollout takes pods away before new ones are ready');
    if (service === 'media' && most === 1 && !env.R2_BUCKET && !env.S3_BUCKET && load.object.spec.strategy?.type !== 'Recreate')
        say('a rollout has two pods with one folder');
    if (service === 'profile') {
        const budget = Number(/connection_limit=(\d+)/.exec(env.DATABASE_URL ?? '')?.[1] ?? 5);
        if (most + (rolling?.maxSurge ?? 0) > budget) say(`${most} pods and one of a rollout are more than ${budget} connections`);
        if (scaler) say('does not scale out: it has no HorizontalPodAutoscaler');
    }
}

function selectorRules(objects, loads, complain) {
    for (const load of loads) {
        const { selector } = load.object.spec;
        if (load.kind !== 'Job' && !selects(selector, load.labels)) complain(`${load.kind}/${load.name}: its selector does not select its own pods`);
        for (const other of loads)
            if (other !== load && load.kind !== 'Job' && selects(selector, other.labels))
                complain(`${load.kind}/${load.name}: its selector selects the pods of ${other.name}`);
        if (load.kind === 'Deployment' && SERVICES.includes(load.name.replace(/^quintet-/, ''))) {
            const budget = byKind(objects, 'PodDisruptionBudget').find((one) => selects(one.spec?.selector, load.labels));
            if (!budget) complain(`${load.kind}/${load.name}: no PodDisruptionBudget`);
        }
    }
    for (const object of objects) {
        const name = `${object.kind}/${object.metadata?.name}`;
        const selected = (selector) => loads.filter((load) => selects(selector, load.labels));
        if (object.kind === 'Service') {
            const pods = selected({ matchLabels: object.spec.selector });
            if (pods.length !== 1) complain(`${name}: selects the pods of ${pods.length} workloads`);
            const names = pods.flatMap((load) =>
                load.containers.flatMap((container) => (container.ports ?? []).flatMap((port) => [port.name, port.containerPort])),
            );
            for (const port of object.spec.ports ?? [])
                if (!names.includes(port.targetPort)) complain(`${name}: its pods have no port ${port.targetPort}`);
        }
        if (object.kind === 'PodDisruptionBudget' && selected(object.spec?.selector).length !== 1)
            complain(`${name}: selects the pods of no or several workloads`);
        if (object.kind === 'NetworkPolicy' && selected(object.spec?.podSelector).length === 0) complain(`${name}: selects no pod`);
        if (object.kind === 'HorizontalPodAutoscaler') {
            const target = loads.find((load) => load.kind === object.spec?.scaleTargetRef?.kind && load.name === object.spec.scaleTargetRef.name);
            if (!target) complain(`${name}: there is nothing called ${object.spec?.scaleTargetRef?.name}`);
            else if (target.object.spec.replicas !== undefined) complain(`${name}: each apply would set the replicas back`);
        }
        if (object.kind === 'PodMonitor') {
            const names = selected(object.spec.selector).map((load) => load.name);
            for (const service of SERVICES) if (!names.includes(`quintet-${service}`)) complain(`${name}: does not look at ${service}`);
            if (names.length > SERVICES.length) complain(`${name}: looks at pods that have no metrics`);
            for (const { port, path } of object.spec.podMetricsEndpoints)
                if (port !== 'admin' || path !== '/metrics') complain(`${name}: asks ${path} of port ${port}`);
        }
        if (object.metadata?.namespace !== 'quintet') complain(`${name}: is not in the namespace`);
    }
}

function reachRules(objects, loads, complain) {
    for (const load of loads)
        for (const type of ['Ingress', 'Egress'])
            if (!byKind(objects, 'NetworkPolicy').some(({ spec }) => spec.policyTypes?.includes(type) && selects(spec.podSelector, load.labels)))
                complain(`NetworkPolicy: none of ${type} holds for ${load.name}, so all is open`);
    const ways = reach(objects);
    const postgres = (name) => name === 'quintet-postgres' || name.startsWith('namespace databases');
    const calls = (from, to, port) =>
        (CALLS[from] ?? []).some((one) => (one === 'postgres' ? postgres(to) && port === 5432 : one === to && port === 7700));
    for (const { from, to, port } of ways) {
        const media = loads.find((load) => load.name === 'quintet-media')?.containers[0];
        const door = to === 'quintet-gateway' && port === 8080;
        const browsers = to === 'quintet-media' && port === 8081 && media?.ports?.some((one) => one.containerPort === 8081);
        const fine =
            calls(from, to, port) ||
            ((door || browsers) && !CALLS[from]) ||
            to === DNS ||
            (from === PROMETHEUS && port === 9700) ||
            (from === 'quintet-auth' && to === OUTSIDE && (port === 465 || port === 587)) ||
            (from === 'quintet-media' && to === OUTSIDE && port === 443);
        if (!fine) complain(`NetworkPolicy: ${from} may reach ${to} at ${port}`);
    }
    const may = (from, test) => ways.some((way) => way.from === from && test(way));
    for (const { name: from } of loads)
        for (const to of CALLS[from] ?? [])
            if (!may(from, (way) => (to === 'postgres' ? postgres(way.to) : way.to === to && way.port === 7700)))
                complain(`NetworkPolicy: ${from} cannot reach ${to}`);
    for (const { name: from } of loads)
        if (CALLS[from] && !may(from, (way) => way.to === DNS)) complain(`NetworkPolicy: ${from} cannot look up names`);
    if (!may(OUTSIDE, (way) => way.to === 'quintet-gateway' && way.port === 8080)) complain('NetworkPolicy: nobody can reach the gateway');
}

// 'examples': Secrets that are there without being applied from here. 'known': the names of settings.
export function rules(objects, examples, known, complain) {
    const loads = workloads(objects);
    const have = held([...objects, ...examples]);
    for (const service of SERVICES) if (!loads.some((load) => load.name === `quintet-${service}`)) complain(`there is no quintet-${service}`);
    for (const load of loads) {
        const say = (text) => complain(`${load.kind}/${load.name}: ${text}`);
        podRules(load, say);
        referenceRules(objects, load, have, say);
        for (const container of load.containers) {
            containerRules(load, container, say);
            settingRules(objects, load, container, have, known, say);
        }
    }
    selectorRules(objects, loads, complain);
    reachRules(objects, loads, complain);
}
