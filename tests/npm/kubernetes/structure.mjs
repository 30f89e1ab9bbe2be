// Whether Kubernetes would know what stands in a manifest: each field by the attribute maps of its own client (unknown fields, kinds and
// API versions that are gone), required fields, enumerations and patterns by the API's schemas.
import * as client from '@kubernetes/client-node';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

// "apps/v1" Deployment → V1Deployment: the client's classes are named by version and kind; which group a class is of, the schemas know.
function classOf(object) {
    const version = object.apiVersion?.split('/').pop() ?? '';
    return client[version.charAt(0).toUpperCase() + version.slice(1) + object.kind];
}

function walk(type, value, path, say) {
    if (value === null || value === undefined) return;
    const array = /^Array<(.*)>$/.exec(type);
    if (array) {
        if (!Array.isArray(value)) say(`${path}: must be a list`);
        else value.forEach((item, i) => walk(array[1], item, `${path}[${i}]`, say));
        return;
    }
    const map = /^\{ \[key: string\]: (.*); \}$/.exec(type);
    if (map) {
        if (typeof value !== 'object' || Array.isArray(value)) say(`${path}: must be a map`);
        else for (const [key, item] of Object.entries(value)) walk(map[1], item, `${path}.${key}`, say);
        return;
    }
    const known = client[type]?.getAttributeTypeMap?.();
    if (!known) {
        const kind = { string: 'string', number: 'number', boolean: 'boolean' }[type];
        if (kind && typeof value !== kind) say(`${path}: must be a ${kind}, is ${JSON.stringify(value)}`);
        return;
    }
    if (typeof value !== 'object' || Array.isArray(value)) return say(`${path}: must be a ${type}`);
    for (const [key, item] of Object.entries(value)) {
        const field = known.find((one) => one.baseName === key);
        if (field) walk(field.type, item, `${path}.${key}`, say);
        else say(`${path}.${key}: unknown field`);
    }
}

// The model of an apiVersion and kind, from Kubernetes' own, cert-manager's or those of Prometheus' operator.
function modelOf(object) {
    for (const from of ['kubernetes-models', '@kubernetes-models/cert-manager', '@kubernetes-models/prometheus-operator']) {
        try {
            const model = require(`${from}/${object.apiVersion}/${object.kind}`)[object.kind];
            if (model) return model;
        } catch (err) {
            if (err.code !== 'MODULE_NOT_FOUND' && err.code !== 'ERR_PACKAGE_PATH_NOT_EXPORTED') throw err;
        }
    }
}

// kustomize wraps long values of Secrets; Kubernetes' decoder skips the line ends, the schema's does not.
function unwrapped(object) {
    if (object.kind !== 'Secret' || !object.data) return object;
    const data = Object.fromEntries(Object.entries(object.data).map(([key, value]) => [key, value.replaceAll('\n', '')]));
    return { ...object, data };
}

export function structure(objects, complain) {
    const seen = new Set();
    for (const object of objects) {
        const name = `${object.kind}/${object.metadata?.name}`;
        const say = (text) => complain(`${name}: ${text}`);
        if (seen.has(`${object.apiVersion} ${name}`)) say('stands here twice');
        seen.add(`${object.apiVersion} ${name}`);
        const model = modelOf(object);
        if (!model) {
            say(`${object.apiVersion} has no such kind (any more)`);
            continue;
        }
        if (!/^(cert-manager\.io|monitoring\.coreos\.com)\//.test(object.apiVersion)) {
            const type = classOf(object);
            if (type) walk(type.name, object, object.kind, say);
            else say(`${object.apiVersion} has no such kind (any more)`);
        }
        try {
            new model(unwrapped(object)).validate();
        } catch (err) {
            say(err.message);
        }
    }
}
