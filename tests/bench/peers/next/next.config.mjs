import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const above = dirname(dirname(fileURLToPath(import.meta.url)));

export default {
    compress: false, // nobody here asks for it
    poweredByHeader: false,
    // node_modules, the clients of Prisma and lib/ lie one folder up.
    turbopack: { root: above },
    outputFileTracingRoot: above,
    serverExternalPackages: ['pg', '@prisma/client', '@prisma/adapter-pg', 'better-auth'],
};
