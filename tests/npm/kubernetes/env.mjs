// The environment of each container of a rendered overlay, as the programs would get it: a file DIR/WORKLOAD.CONTAINER with NAME=VALUE lines;
// and the names of each certificate: DIR/certificate.NAME, one a line.
//
//   node env.mjs RENDERED EXAMPLES DIR
import { writeFileSync } from 'node:fs';
import { byKind, environment, held, load, workloads } from './objects.mjs';

const [rendered, examples, dir] = process.argv.slice(2);
const objects = load(rendered);
const have = held([...objects, ...(examples ? load(examples) : [])]);
for (const { name, containers } of workloads(objects))
    for (const container of containers) {
        const env = Object.entries(environment(container, have)).map(([key, value]) => `${key}=${value}\n`);
        writeFileSync(`${dir}/${name}.${container.name}`, env.join(''));
    }
for (const { metadata, spec } of byKind(objects, 'Certificate'))
    if (spec.dnsNames) writeFileSync(`${dir}/certificate.${metadata.name}`, spec.dnsNames.map((name) => `${name}\n`).join(''));
