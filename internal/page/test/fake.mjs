// fake.mjs: a clock, a socket and a request that do what a test says.

/** The modules as the page serves them; the Go test has written them there. */
export const load = (name) => import(`${process.env.PRUVON_ASSETS}/${name}`);

export class Clock {
  #now = 1_000_000; #timers = new Map(); #id = 0;

  now = () => this.#now;
  setTimeout = (f, ms) => {
    this.#timers.set(++this.#id, { f, at: this.#now + Math.max(0, ms) });
    return this.#id;
  };
  clearTimeout = (id) => { this.#timers.delete(id); };
  get pending() { return this.#timers.size; }

  /** Lets `ms` pass, timers firing in order, and promises settling between them. */
  async pass(ms) {
    const end = this.#now + ms;
    for (;;) {
      await settle();
      const due = [...this.#timers].filter(([, t]) => t.at <= end).sort((a, b) => a[1].at - b[1].at)[0];
      if (!due) break;
      this.#now = Math.max(this.#now, due[1].at);
      this.#timers.delete(due[0]);
      due[1].f();
    }
    this.#now = end;
    await settle();
  }
}

export const settle = () => new Promise((resolve) => setImmediate(resolve));

/** Everything an Env needs; `sockets` holds what has been dialled, newest last. */
export function makeEnv(over = {}) {
  const clock = new Clock();
  const sockets = [];
  class FakeSocket {
    constructor(url, protocol) {
      Object.assign(this, { url, protocol, readyState: 0, sent: [], closed: null });
      sockets.push(this);
    }

    send(data) { this.sent.push(typeof data === 'string' ? JSON.parse(data) : Uint8Array.from(data)); }
    close(code, reason) {
      this.closed = { code, reason };
      this.readyState = 3;
    }

    open() {
      this.readyState = 1;
      this.onopen?.();
    }

    json(message) { this.onmessage?.({ data: JSON.stringify(message) }); }
    bytes(text) { this.onmessage?.({ data: new TextEncoder().encode(text).buffer }); }
    lose(code = 1006, reason = '') {
      this.readyState = 3;
      this.onclose?.({ code, reason, wasClean: code !== 1006 });
    }

    /** The JSON messages of a type. */
    of(type) { return this.sent.filter((m) => m.type === type); }
    /** All binary messages as one text. */
    get input() { return Buffer.concat(this.sent.filter((m) => m instanceof Uint8Array)).toString(); }
  }
  const document = Object.assign(new EventTarget(), { visibilityState: 'visible', baseURI: 'https://ops.example/app/' });
  const window = new EventTarget();
  const env = {
    WebSocket: FakeSocket, setTimeout: clock.setTimeout, clearTimeout: clock.clearTimeout, now: clock.now,
    random: () => 1, document, window, fetch: async () => { throw new TypeError('network'); }, ...over,
  };
  return { env, clock, sockets, document, window, last: () => sockets.at(-1) };
}

export class MemoryStorage {
  #map = new Map();
  get length() { return this.#map.size; }
  key(i) { return [...this.#map.keys()][i] ?? null; }
  getItem(key) { return this.#map.get(key) ?? null; }
  setItem(key, value) { this.#map.set(key, String(value)); }
  removeItem(key) { this.#map.delete(key); }
}

/** A response as fetch gives it. */
export const response = (status, body, type = 'application/problem+json', headers = {}) =>
  new Response(typeof body === 'string' ? body : JSON.stringify(body), { status, headers: { 'Content-Type': type, ...headers } });

/** Collects the details of an object's events by type. */
export function record(target, ...types) {
  const seen = Object.fromEntries(types.map((type) => [type, []]));
  for (const type of types) target.addEventListener(type, (event) => seen[type].push(event.detail));
  return seen;
}
