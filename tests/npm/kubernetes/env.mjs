// The environment of each container of a rendered overlay, as the programs would get it: a file DIR/WORKLOAD.CONTAINER with NAME=VALUE lines.
//
//   node env.mjs RENDERED EXAMPLES DIR
import { writeFileSync } from 'node:fs';
import { environment, held, load, workloads } from './objects.mjs';

const [rendered, examples, dir] = process.argv.slice(2);
const objects = load(rendered);
const have = held([...objects, ...(examples ? load(examples) : [])]);
for (const { name, containers } of workloads(objects))
    for (const container of containers) {
        const env = Object.entries(environment(container, have)).map(([key, value]) => `${key}=${value}\n`);
        writeFileSync(`${dir}/${name}.${container.name}`, env.join(''));
    }
