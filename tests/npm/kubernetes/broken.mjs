// Copies of the overlays, each broken in one place, and what must be said of it: a check that lets one through checks nothing.
//
//   node broken.mjs SETTINGS EXAMPLES PRODUCTION LOCAL OPERATOR
import { readFileSync } from 'node:fs';
import { check } from './check.mjs';
import { load } from './objects.mjs';

const [settings, examplesFile, productionFile, localFile, componentsFile] = process.argv.slice(2);
const known = new Set(readFileSync(settings, 'utf8').split('\n'));

// Of one copy: find what is to be broken.
class Copy {
    constructor(file) {
        this.objects = load(file);
    }
    get(kind, name) {
        const found = this.objects.find((one) => one.kind === kind && one.metadata.name.replace(/-[a-z0-9]{10}$/, '') === name);
        if (!found) throw new Error(`no ${kind}/${name} to break`);
        return found;
    }
    pod(name, kind = 'Deployment') {
        return this.get(kind, name).spec.template.spec;
    }
    container(name, kind) {
        return this.pod(name, kind).containers[0];
    }
    drop(kind, name) {
        this.objects.splice(this.objects.indexOf(this.get(kind, name)), 1);
    }
    set(map, key, value) {
        const { data } = this.get('ConfigMap', map);
        if (value === undefined) delete data[key];
        else data[key] = value;
    }
}

// [what is done to it, what must be said]
const production = {
    'an unknown field': [(c) => (c.pod('quintet-auth').terminationGracePeriod = 30), /terminationGracePeriod: unknown field/],
    'a misspelt field deep inside': [
        (c) => (c.container('quintet-auth').securityContext.readOnlyRootFileSystem = true),
        /readOnlyRootFileSystem: unknown field/,
    ],
    'an API version that is gone': [(c) => (c.get('PodDisruptionBudget', 'quintet-auth').apiVersion = 'policy/v1beta1'), /no such kind/],
    'an autoscaler of old': [(c) => (c.get('HorizontalPodAutoscaler', 'quintet-auth').apiVersion = 'autoscaling/v2beta2'), /no such kind/],
    'a kind that is none': [(c) => (c.get('Service', 'quintet-auth').kind = 'Servise'), /no such kind/],
    'a missing required field': [(c) => delete c.get('Deployment', 'quintet-auth').spec.selector, /selector/],
    'a number in quotes': [(c) => (c.container('quintet-auth').ports[0].containerPort = '7700'), /containerPort: must be a number/],
    'a value that is none of those allowed': [(c) => (c.container('quintet-auth').imagePullPolicy = 'Sometimes'), /imagePullPolicy/],
    'a certificate without an issuer': [(c) => delete c.get('Certificate', 'quintet-auth').spec.issuerRef, /issuerRef/],
    'the same object twice': [(c) => c.objects.push(structuredClone(c.get('Service', 'quintet-auth'))), /stands here twice/],
    'an image without a tag': [(c) => (c.container('quintet-auth').image = 'registry.example.com/quintet-auth'), /not pinned/],
    'the latest image': [(c) => (c.container('quintet-auth').image = 'registry.example.com/quintet-auth:latest'), /not pinned/],
    'no limit of memory': [(c) => delete c.container('quintet-media').resources.limits, /no limit of memory/],
    'no request of CPU': [(c) => delete c.container('quintet-media').resources.requests.cpu, /no request of cpu/],
    'a pod that may run as root': [(c) => delete c.pod('quintet-gateway').securityContext.runAsNonRoot, /may run as root/],
    'a container that may write': [(c) => (c.container('quintet-gateway').securityContext.readOnlyRootFilesystem = false), /may write to its root/],
    'a capability': [(c) => (c.container('quintet-gateway').securityContext.capabilities.add = ['NET_ADMIN']), /has capabilities/],
    'no seccomp profile': [(c) => delete c.pod('quintet-gateway').securityContext.seccompProfile, /no seccomp profile/],
    'a token of the API': [(c) => delete c.pod('quintet-gateway').automountServiceAccountToken, /has a token/],
    "the node's network": [(c) => (c.pod('quintet-gateway').hostNetwork = true), /shares the node's/],
    'a folder of the node': [(c) => (c.pod('quintet-gateway').volumes[0] = { name: 'tls', hostPath: { path: '/etc' } }), /is a folder of the node/],
    'no readiness probe': [(c) => delete c.container('quintet-profile').readinessProbe, /no readinessProbe/],
    'a probe of a port that is not there': [(c) => (c.container('quintet-profile').livenessProbe.httpGet.port = 'metrics'), /asks a port metrics/],
    'a restart while the database is away': [(c) => (c.container('quintet-profile').livenessProbe.httpGet.path = '/readyz'), /would be restarted/],
    'a grace period shorter than the drain': [
        (c) => (c.pod('quintet-gateway').terminationGracePeriodSeconds = 30),
        /is killed after 30 s, and may need 30 s/,
    ],
    'a drain longer than the grace period': [(c) => c.set('quintet-settings', 'QUINTET_SHUTDOWN_TIMEOUT', '60s'), /may need 65 s/],
    'no delay before the gateway drains': [(c) => c.set('quintet-gateway', 'QUINTET_SHUTDOWN_DELAY', '0s'), /takes no new connections/],
    'a setting that no program knows': [(c) => c.set('quintet-settings', 'QUINTET_SHUTDOWN_TIMOUT', '20s'), /no program knows the setting/],
    'a port that is not the one listened on': [(c) => c.set('quintet-gateway', 'QUINTET_HTTP_LISTEN', '0.0.0.0:8088'), /QUINTET_HTTP_LISTEN is/],
    'an admin port that is not scraped': [(c) => c.set('quintet-settings', 'QUINTET_ADMIN_LISTEN', '0.0.0.0:9701'), /prometheus.io\/port/],
    'an address without a Service': [
        (c) => c.set('quintet-settings', 'QUINTET_AUTH_ADDRESS', 'tls+tcp://quintet-authn:7700'),
        /there is no Service quintet-authn/,
    ],
    'an address with another port': [(c) => c.set('quintet-settings', 'QUINTET_AUTH_ADDRESS', 'tls+tcp://quintet-auth:7701'), /has no port 7701/],
    'plain connections that nobody asked for': [(c) => c.set('quintet-settings', 'QUINTET_AUTH_ADDRESS', 'tcp://quintet-auth:7700'), /is plain/],
    'plain connections beside TLS': [(c) => c.set('quintet-settings', 'QUINTET_RPC_ALLOW_PLAIN', 'true'), /allows plain connections/],
    'a Service that hides pods that are not ready': [
        (c) => delete c.get('Service', 'quintet-profile').spec.publishNotReadyAddresses,
        /must be headless/,
    ],
    'a Service with an address of its own': [(c) => delete c.get('Service', 'quintet-auth').spec.clusterIP, /must be headless/],
    'a Service that selects nothing': [
        (c) => (c.get('Service', 'quintet-auth').spec.selector = { 'app.kubernetes.io/name': 'auth' }),
        /selects the pods of 0/,
    ],
    'a Service with a port that its pods lack': [(c) => (c.get('Service', 'quintet-gateway').spec.ports[0].targetPort = 'web'), /have no port web/],
    "a selector that is not the pods'": [
        (c) => (c.get('Deployment', 'quintet-auth').spec.selector.matchLabels = { app: 'auth' }),
        /does not select its own pods/,
    ],
    "a selector of everybody's pods": [
        (c) => (c.get('Deployment', 'quintet-auth').spec.selector.matchLabels = { 'app.kubernetes.io/part-of': 'quintet' }),
        /selects the pods of quintet-/,
    ],
    'no disruption budget': [(c) => c.drop('PodDisruptionBudget', 'quintet-gateway'), /no PodDisruptionBudget/],
    'an autoscaler of nothing': [
        (c) => (c.get('HorizontalPodAutoscaler', 'quintet-auth').spec.scaleTargetRef.name = 'auth'),
        /there is nothing called auth/,
    ],
    'an autoscaler that each apply undoes': [(c) => (c.get('Deployment', 'quintet-auth').spec.replicas = 2), /set the replicas back/],
    'more profiles than connections': [(c) => (c.get('Deployment', 'quintet-profile').spec.replicas = 5), /are more than 5 connections/],
    'a rollout that takes pods away first': [
        (c) => (c.get('Deployment', 'quintet-profile').spec.strategy.rollingUpdate.maxUnavailable = 1),
        /takes pods away/,
    ],
    'a missing ConfigMap': [(c) => c.drop('ConfigMap', 'quintet-gateway'), /there is no ConfigMap\/quintet-gateway/],
    'a missing Secret': [
        (c) => (c.container('quintet-auth').envFrom[1].secretRef.name = 'quintet-authentication'),
        /there is no Secret\/quintet-authentication/,
    ],
    'a volume of a missing Secret': [(c) => (c.pod('quintet-auth').volumes[0].secret.secretName = 'quintet-tls'), /there is no Secret\/quintet-tls/],
    'a mount without a volume': [(c) => (c.container('quintet-auth').volumeMounts[0].name = 'certificates'), /volume certificates that is not there/],
    'a certificate at another path': [(c) => c.set('quintet-settings', 'QUINTET_TLS_CERT', '/etc/quintet/tls/cert.pem'), /is in no volume/],
    'a certificate without its name': [(c) => (c.get('Certificate', 'quintet-auth').spec.dnsNames = ['auth']), /lacks the name it is dialled by/],
    'a gateway that says it is auth': [(c) => c.get('Certificate', 'quintet-gateway').spec.dnsNames.push('auth'), /says that it is another/],
    'a certificate for one side alone': [(c) => (c.get('Certificate', 'quintet-auth').spec.usages = ['server auth']), /not for client auth/],
    'no authority for PostgreSQL': [
        (c) => (c.container('quintet-profile').volumeMounts = c.container('quintet-profile').volumeMounts.filter((one) => one.name === 'tls')),
        /DATABASE_URL: .* is in no volume/,
    ],
    'a gateway that sees the database': [
        (c) => c.container('quintet-gateway').envFrom.push({ secretRef: { name: 'quintet-profile' } }),
        /must not see DATABASE_URL/,
    ],
    'a profile that may do what the admin may': [
        (c) => c.container('quintet-profile').envFrom.push({ secretRef: { name: 'quintet-database' } }),
        /must not see QUINTET_ADMIN_DATABASE_URL/,
    ],
    'several media without a bucket': [(c) => c.set('quintet-media', 'R2_BUCKET', undefined), /no bucket that they share/],
    'no policy that closes what is not opened': [(c) => c.drop('NetworkPolicy', 'quintet-nobody'), /none of Ingress holds for quintet-database/],
    'auth on its way to PostgreSQL': [
        (c) => c.get('NetworkPolicy', 'quintet-postgres').spec.podSelector.matchExpressions[0].values.push('quintet-auth'),
        /quintet-auth may reach namespace databases/,
    ],
    'a door to profile from outside': [
        (c) => c.get('NetworkPolicy', 'quintet-profile').spec.ingress.push({ ports: [{ protocol: 'TCP', port: 7700 }] }),
        /anything outside may reach quintet-profile at 7700/,
    ],
    'media that calls auth': [
        (c) => {
            c.get('NetworkPolicy', 'quintet-media').spec.egress[0].to[0].podSelector.matchLabels['app.kubernetes.io/name'] = 'quintet-auth';
            c.get('NetworkPolicy', 'quintet-auth').spec.ingress[0].from[0].podSelector = {};
        },
        /quintet-media may reach quintet-auth/,
    ],
    'a profile that its callers cannot reach': [
        (c) => c.get('NetworkPolicy', 'quintet-profile').spec.ingress[0].from[0].podSelector.matchExpressions[0].values.splice(1, 1),
        /quintet-auth cannot reach quintet-profile/,
    ],
    'nobody who can look up names': [(c) => c.drop('NetworkPolicy', 'quintet-names'), /cannot look up names/],
    'a closed front door': [(c) => (c.get('NetworkPolicy', 'quintet-gateway').spec.ingress = []), /nobody can reach the gateway/],
    'a policy for no pod': [
        (c) => (c.get('NetworkPolicy', 'quintet-bucket').spec.podSelector.matchLabels['app.kubernetes.io/name'] = 'media'),
        /selects no pod/,
    ],
    'an object in another namespace': [(c) => (c.get('Service', 'quintet-auth').metadata.namespace = 'default'), /is not in the namespace/],
};
const local = {
    'two pods with one folder': [(c) => (c.get('Deployment', 'quintet-media').spec.replicas = 2), /no bucket that they share/],
    'a rollout with two pods and one folder': [
        (c) => (c.get('Deployment', 'quintet-media').spec.strategy = { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0 } }),
        /two pods with one folder/,
    ],
    'a missing claim': [(c) => c.drop('PersistentVolumeClaim', 'quintet-media'), /there is no claim quintet-media/],
    'plain connections without leave': [(c) => c.set('quintet-settings', 'QUINTET_RPC_ALLOW_PLAIN', 'false'), /is plain/],
    'a database that its Job cannot reach': [
        (c) => c.get('NetworkPolicy', 'quintet-postgres').spec.ingress[0].from[0].podSelector.matchExpressions[0].values.pop(),
        /quintet-database cannot reach postgres/,
    ],
};
const setting = (c, name) => c.container(name).env.find((one) => one.name.endsWith('WORKERS') || one.name.endsWith('THREADS'));
Object.assign(production, {
    'as many decoders as the node has cores': [(c) => (setting(c, 'quintet-media').value = '0'), /PICTURE_WORKERS is not set/],
    'decoders that nobody counted': [(c) => c.container('quintet-media').env.pop(), /PICTURE_WORKERS is not set/],
    'more decoders than there is memory for': [(c) => (setting(c, 'quintet-media').value = '4'), /4 times 1024 MiB do not fit/],
    'as many passwords at once as the node has cores': [(c) => (setting(c, 'quintet-auth').value = '0'), /HASH_THREADS is not set/],
    'more passwords at once than there is memory for': [(c) => (c.container('quintet-auth').resources.limits.memory = '128Mi'), /do not fit/],
});
const operator = {
    'a monitor with an unknown field': [(c) => (c.get('PodMonitor', 'quintet').spec.podMetricsEndpoints[0].interval = 15), /interval/],
    'a monitor of another port': [(c) => (c.get('PodMonitor', 'quintet').spec.podMetricsEndpoints[0].port = 'http'), /asks \/metrics of port http/],
    'a monitor that does not see profile': [
        (c) => c.get('PodMonitor', 'quintet').spec.selector.matchExpressions[0].values.splice(2, 1),
        /does not look at profile/,
    ],
    'a monitor of everybody': [(c) => delete c.get('PodMonitor', 'quintet').spec.selector.matchExpressions, /pods that have no metrics/],
    'an alert without an expression': [(c) => delete c.get('PrometheusRule', 'quintet').spec.groups[0].rules[0].expr, /expr/],
};

let passed = 0;
let failed = 0;
for (const [overlay, file, cases] of [
    ['production', productionFile, production],
    ['local', localFile, local],
    ['components', componentsFile, operator],
])
    for (const [name, [breaks, said]] of Object.entries(cases)) {
        const copy = new Copy(file);
        breaks(copy);
        const complaints = check(copy.objects, overlay !== 'local' ? load(examplesFile) : [], known);
        if (complaints.some((text) => said.test(text))) passed++;
        else {
            failed++;
            console.error(`${overlay}: ${name}: not refused${complaints.length > 0 ? ` for that; what is said: ${complaints.join('; ')}` : ''}`);
        }
    }
console.log(`${passed} broken copies refused, ${failed} not`);
process.exitCode = failed > 0 ? 1 : 0;
