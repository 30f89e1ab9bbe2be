// How the two peers on Better Auth set it up: as its manual does, for the addresses that the seed and the load come from.
import { host } from './settings.mjs';

export const authOptions = secret => ({
    secret,
    baseURL: `http://${host}`,
    emailAndPassword: { enabled: true },
    // On by default in production: three sign-ins in ten seconds from one address.
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
});
