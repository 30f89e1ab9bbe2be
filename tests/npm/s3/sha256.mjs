import { createHash, createHmac } from 'node:crypto';

// The hash that the official signer asks for; a MAC when it gives a key.
export class Sha256 {
    constructor(key) {
        this.hash = key ? createHmac('sha256', key) : createHash('sha256');
    }
    update(data) {
        this.hash.update(data);
    }
    async digest() {
        return this.hash.digest();
    }
}
