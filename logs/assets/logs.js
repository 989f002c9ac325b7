// logs.js: a browser's end of a pruvon log (subprotocol pruvon.logs.v1). It
// follows one source, resumes at its cursor after a cut, and tells a quiet log
// from a broken connection.

import { Connection, readProblem } from './connect.js';

const PROTOCOL = 'pruvon.logs.v1';
const SILENT_AFTER = 40_000; // ms without a message (heartbeats come about every 15 s)
const LIVE_FOR = 5_000; // ms after the last line in which the log counts as live

const FILTERS = ['tail', 'since', 'until', 'grep', 'not', 'level'];

/** The URL of a source with the filters that are set; empty ones are left out. Pure. */
export function logURL(url, query = {}, base = globalThis.document?.baseURI) {
  const u = new URL(url, base);
  for (const [key, value] of Object.entries(query)) {
    if (value === undefined || value === null || value === '') continue;
    u.searchParams.set(key, String(value));
  }
  return u;
}

/** See logs.d.ts for the options and the events. */
export class LogStream extends EventTarget {
  #url; #query; #connection; #options;
  #cursor = null; #lastLine = 0; #health = 'connecting'; #watch = 0;

  constructor(options) {
    super();
    this.#options = options;
    this.#url = options.url;
    this.#query = pick(options);
    this.#connection = new Connection({
      url: () => logURL(this.#url, this.#cursor ? { ...this.#query, tail: '', since: '', cursor: this.#cursor } : this.#query, this.#base),
      protocol: PROTOCOL,
      env: options.env,
      handlers: {
        open: () => this.#look(),
        message: (data) => this.#message(JSON.parse(data)),
        close: (info) => this.#closed(info),
        state: (state) => { this.#emit('state', state); this.#judge(); },
        countdown: (seconds) => this.#emit('countdown', { seconds }),
        awake: () => this.#look(),
      },
    });
  }

  get state() { return this.#connection.state; }
  get health() { return this.#health; }
  get cursor() { return this.#cursor; }
  get query() { return { ...this.#query }; }

  open() {
    this.#ended = null;
    this.#connection.open();
    return this;
  }

  close() {
    this.#env.clearTimeout(this.#watch);
    this.#connection.close();
  }

  retryNow() {
    this.#connection.retryNow();
  }

  /** Starts over with other filters or another place to begin. */
  restart(query) {
    this.close();
    this.#query = pick(query);
    this.#cursor = null;
    this.#ended = null;
    this.#connection.open();
  }

  /** The lines of a `gap`, asked for by plain HTTP: {lines, complete}. */
  async fetchGap(gap) {
    const { grep, not, level } = this.#query;
    const url = logURL(this.#url, { grep, not, level, cursor: gap.from, to: gap.to, follow: 0 }, this.#base);
    const response = await this.#env.fetch(url, { headers: { Accept: 'application/x-ndjson' } });
    if (!response.ok) throw Object.assign(new Error('gap'), { problem: await readProblem(response) });
    const lines = [];
    let complete = true;
    for (const text of (await response.text()).split('\n')) {
      if (!text) continue;
      const m = JSON.parse(text);
      if (m.type === 'lines') lines.push(...m.lines);
      else if (m.type === 'gap') complete = false;
    }
    return { lines, complete };
  }

  /** Where the same view can be downloaded, rotated files included. */
  downloadURL(query = this.#query) {
    return logURL(this.#url, { tail: 'all', ...pick(query), follow: 0 }, this.#base).href;
  }

  #ended = null;

  get #env() { return this.#connection.env; }
  get #base() { return this.#options.base ?? this.#env?.document?.baseURI ?? globalThis.document?.baseURI; }

  #message(m) {
    if (m.cursor) this.#cursor = m.cursor;
    switch (m.type) {
      case 'lines':
        this.#lastLine = this.#env.now();
        this.#emit('lines', m);
        break;
      case 'end':
        this.#ended = m;
        this.#emit('end', m);
        break;
      default:
        this.#emit(m.type, m);
    }
    this.#judge();
  }

  #closed({ code, problem }) {
    this.#env.clearTimeout(this.#watch);
    const end = this.#ended;
    if (end && !end.retryable) return { retry: false, problem: null };
    if (!end && (code === 1000 || code === 1008 || code === 1009)) return { retry: false };
    this.#ended = null;
    return { problem };
  }

  // Heartbeats tell that a silent log is only quiet. When they stay away, the connection is given up.
  #look() {
    const { setTimeout, clearTimeout } = this.#env;
    clearTimeout(this.#watch);
    if (this.#connection.state.name !== 'open') return;
    if (!this.#connection.hidden && this.#connection.idle > SILENT_AFTER) {
      this.#connection.drop({ status: 0, name: 'silent', title: 'The connection went silent', detail: 'No heartbeat for 40 s.', hint: '', proxy: false });
      return;
    }
    this.#judge();
    this.#watch = setTimeout(() => this.#look(), LIVE_FOR / 2);
  }

  #judge() {
    const name = this.#connection.state.name;
    let health = 'broken';
    if (this.#ended && !this.#ended.retryable) health = 'ended';
    else if (name === 'open') health = this.#env.now() - this.#lastLine < LIVE_FOR ? 'live' : 'quiet';
    else if (name === 'connecting' && this.#cursor === null) health = 'connecting';
    if (health === this.#health) return;
    this.#health = health;
    this.#emit('health', { health, lastLine: this.#lastLine });
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

function pick(query) {
  return Object.fromEntries(FILTERS.filter((key) => query[key] !== undefined && query[key] !== '').map((key) => [key, query[key]]));
}
