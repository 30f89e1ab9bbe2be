// What a browser does around fetch, as far as sessions see it: it keeps cookies and shows them again, and says where the page is from.

const day = 24 * 60 * 60 * 1000;

export class Browser {
    #cookies = new Map(); // name → {value, attributes, ends}

    // `origin`: of the page. All addresses are of one site.
    constructor(origin, agent = 'Mozilla/5.0 (test)') {
        this.origin = origin;
        this.agent = agent;
        this.fetch = this.fetch.bind(this);
    }

    async fetch(input, init = {}) {
        const request = new Request(input, { ...init, redirect: 'manual' });
        request.headers.set('user-agent', this.agent);
        if (request.method !== 'GET')
            request.headers.set('origin', this.origin);
        if (this.#live().length)
            request.headers.set('cookie', this.#live().map(([name, cookie]) => `${name}=${cookie.value}`).join('; '));
        const response = await fetch(request);
        response.headers.getSetCookie().forEach(line => this.#take(line));
        return response;
    }

    // Values as they are kept, percent-encoded; undefined: there is none.
    cookie(name) {
        return this.#live().find(([known]) => known === name)?.[1];
    }

    names() {
        return this.#live().map(([name]) => name).sort();
    }

    // The browser is closed and opened again: what has no end of its own is gone.
    reopen() {
        for (const [name, cookie] of this.#cookies) {
            if (cookie.ends === undefined)
                this.#cookies.delete(name);
        }
    }

    #live() {
        return [...this.#cookies].filter(([, cookie]) => cookie.ends === undefined || cookie.ends > Date.now());
    }

    #take(line) {
        const [pair, ...attributes] = line.split(';').map(part => part.trim());
        const at = pair.indexOf('=');
        const maxAge = attributes.find(text => /^max-age=/i.test(text))?.slice('max-age='.length);
        const seconds = maxAge === undefined ? undefined : Number(maxAge);
        if (seconds !== undefined && !(seconds >= 0 && seconds * 1000 <= 400 * day))
            throw new Error(`no Max-Age: ${line}`);
        this.#cookies.set(pair.slice(0, at), {
            value: pair.slice(at + 1),
            attributes: attributes.filter(text => !/^max-age=/i.test(text)),
            maxAge: seconds,
            ends: seconds === undefined ? undefined : Date.now() + seconds * 1000,
        });
    }
}
