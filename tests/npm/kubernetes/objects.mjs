// What is in a rendered overlay, as the rules ask for it.
import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';

export function load(file) {
    return parseAllDocuments(readFileSync(file, 'utf8'))
        .map((document) => {
            if (document.errors.length > 0) throw document.errors[0];
            return document.toJS();
        })
        .filter(Boolean);
}

// Pods by what makes them: { kind, name, object, template, labels, spec, containers }.
export function workloads(objects) {
    return objects
        .filter((object) => ['Deployment', 'StatefulSet', 'DaemonSet', 'Job'].includes(object.kind))
        .map((object) => {
            const template = object.spec?.template ?? {};
            const spec = template.spec ?? {};
            return {
                kind: object.kind,
                name: object.metadata?.name,
                object,
                template,
                labels: template.metadata?.labels ?? {},
                spec,
                containers: [...(spec.initContainers ?? []), ...(spec.containers ?? [])],
            };
        });
}

export const byKind = (objects, kind) => objects.filter((object) => object.kind === kind);

// A LabelSelector (matchLabels, matchExpressions) on labels. An empty one selects everything.
export function selects(selector, labels) {
    if (!selector) return false;
    for (const [key, value] of Object.entries(selector.matchLabels ?? {})) if (labels[key] !== value) return false;
    for (const { key, operator, values } of selector.matchExpressions ?? []) {
        const is = labels[key];
        if (operator === 'In' && !values.includes(is)) return false;
        if (operator === 'NotIn' && values.includes(is)) return false;
        if (operator === 'Exists' && is === undefined) return false;
        if (operator === 'DoesNotExist' && is !== undefined) return false;
    }
    return true;
}

// Where a container's environment comes from, and what it comes to. 'held': ConfigMaps and Secrets by name, as { kind/name: { key: value } }.
export function environment(container, held) {
    const env = {};
    for (const from of container.envFrom ?? []) {
        const [kind, ref] = from.configMapRef ? ['ConfigMap', from.configMapRef] : ['Secret', from.secretRef];
        Object.assign(env, held[`${kind}/${ref?.name}`] ?? {});
    }
    for (const { name, value } of container.env ?? []) env[name] = value ?? '';
    return env;
}

// What ConfigMaps, Secrets and cert-manager's Certificates hold. Secrets' values are readable as they are here: stringData, or base64.
export function held(objects) {
    const all = {};
    for (const object of objects) {
        const name = object.metadata?.name;
        if (object.kind === 'ConfigMap') all[`ConfigMap/${name}`] = { ...object.data };
        if (object.kind === 'Secret')
            all[`Secret/${name}`] = {
                ...object.stringData,
                ...Object.fromEntries(Object.entries(object.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()])),
            };
        if (object.kind === 'Certificate') all[`Secret/${object.spec?.secretName}`] = { 'tls.crt': '', 'tls.key': '', 'ca.crt': '' };
    }
    return all;
}
