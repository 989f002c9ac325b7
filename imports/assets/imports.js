// imports.js: a browser's end of a pruvon import: a resumable upload in parts
// that an untouched nginx lets through, and a watcher of the job that follows.

import { Connection, backoff, readProblem } from './connect.js';

const PROTOCOL = 'pruvon.imports.v1';
const FIRST_PART = 1024 * 1024; // nginx's client_max_body_size unless it is set
const LARGEST_PART = 32 * 1024 * 1024;
const RATE_OVER = 5_000; // ms over which the upload's rate is taken
const SILENT_AFTER = 40_000; // ms without an event or heartbeat

/** How large the next part may be. Pure: grows until the proxy refuses one, then stays. */
export class PartSize {
  #size = FIRST_PART; #ceiling = LARGEST_PART; #passed = 0;

  get size() { return this.#size; }

  /** A part of `bytes` went through. */
  accepted(bytes) {
    this.#passed = Math.max(this.#passed, bytes);
    if (bytes >= this.#size) this.#size = Math.min(this.#size * 2, this.#ceiling);
  }

  /** A part of `bytes` was too large; false when no smaller one makes sense. */
  refused(bytes) {
    if (bytes <= FIRST_PART) return false;
    this.#ceiling = this.#size = Math.max(FIRST_PART, this.#passed < bytes ? this.#passed : bytes / 2);
    return true;
  }

  /** True while a part of `bytes` is larger than any that has passed. */
  untried(bytes) {
    return bytes > Math.max(this.#passed, FIRST_PART);
  }
}

const BODY_LIMIT = {
  status: 413, name: 'proxy_body_limit', title: 'The proxy refuses even parts of 1 MiB', detail: 'nginx answered 413 (Request Entity Too Large).',
  hint: 'Set client_max_body_size 1m; or more in the nginx location block, then run: nginx -t && systemctl reload nginx', proxy: true,
};
const NETWORK = { status: 0, name: 'network', title: 'No connection', detail: 'The server cannot be reached; the upload goes on where it stopped.', hint: '', proxy: false };

/** Uploads that this browser began and has not finished, newest first. */
export function unfinishedUploads(target, storage = globalThis.localStorage) {
  const found = [];
  for (let i = 0; i < (storage?.length ?? 0); i++) {
    const key = storage.key(i);
    if (!key.startsWith('pruvon.upload:')) continue;
    try {
      const record = JSON.parse(storage.getItem(key));
      if (record.target === target) found.push({ key, ...record });
    } catch {
      // Somebody else's entry.
    }
  }
  return found.sort((a, b) => b.started - a.started);
}

/** See imports.d.ts for the options and the events. */
export class ImportUpload extends EventTarget {
  #options; #env; #file; #part = new PartSize();
  #location = null; #offset = 0; #xhr = null; #attempt = 0; #timer = 0;
  #state = 'idle'; #samples = []; #wake = null;

  constructor(options) {
    super();
    this.#options = options;
    this.#file = options.file;
    this.#env = {
      XMLHttpRequest: globalThis.XMLHttpRequest,
      setTimeout: globalThis.setTimeout.bind(globalThis),
      clearTimeout: globalThis.clearTimeout.bind(globalThis),
      now: () => Date.now(),
      random: Math.random,
      window: globalThis.window,
      document: globalThis.document,
      ...options.env,
    };
  }

  get state() { return this.#state; }
  get offset() { return this.#offset; }
  /** The job's URL once there is one. */
  get location() { return this.#location; }

  /** Uploads everything; resolves with the server's snapshot, rejects with an Error that has a `problem`. */
  async start() {
    if (this.#state === 'uploading') throw new Error('already uploading');
    this.#set('uploading');
    try {
      await this.#find();
      const snapshot = await this.#parts();
      this.#forget();
      this.#set('done');
      return { location: this.#location, snapshot };
    } catch (err) {
      if (this.#state === 'uploading') this.#set('failed');
      throw err;
    }
  }

  /** Stops sending; start() goes on from there. */
  pause() {
    this.#set('paused');
    this.#stop();
  }

  /** Stops and gives the upload up on the server as well. */
  async abort() {
    const location = this.#location;
    this.#set('aborted');
    this.#stop();
    this.#forget();
    if (!location) return;
    await this.#send('POST', `${location}/cancel`).catch(() => {});
    await this.#send('DELETE', location).catch(() => {});
  }

  async #find() {
    const record = this.#location ? { location: this.#location } : this.#recall();
    if (record) {
      this.#location = record.location;
      if (await this.#ask()) return;
      this.#location = null;
    }
    await this.#create();
  }

  async #create() {
    const headers = { 'Upload-Complete': '?0', 'Upload-Length': String(this.#file.size) };
    if (this.#file.name) headers['Content-Disposition'] = `attachment; filename*=UTF-8''${encodeName(this.#file.name)}`;
    const answer = await this.#persist(() => this.#send('POST', this.#options.url, headers));
    if (answer.status !== 201) throw failure(answer.problem);
    this.#location = new URL(answer.header('Location'), answer.url || this.#url(this.#options.url)).href;
    this.#offset = 0;
    this.#remember();
  }

  // True when the server still holds the upload; its offset is then ours.
  async #ask() {
    const answer = await this.#persist(() => this.#send('HEAD', `${this.#location}/content`));
    if (answer.status !== 204 && answer.status !== 200) return false;
    const offset = Number(answer.header('Upload-Offset'));
    if (!Number.isSafeInteger(offset) || offset > this.#file.size) return false;
    this.#offset = offset;
    this.#progress(0);
    return answer.header('Upload-Complete') !== '?1' || offset === this.#file.size;
  }

  async #parts() {
    for (;;) {
      this.#mustRun();
      const from = this.#offset;
      const bytes = Math.min(this.#part.size, this.#file.size - from);
      const last = from + bytes === this.#file.size;
      const answer = await this.#send('PATCH', `${this.#location}/content`, {
        'Content-Type': 'application/partial-upload',
        'Upload-Offset': String(from),
        'Upload-Complete': last ? '?1' : '?0',
      }, this.#file.slice(from, from + bytes));
      this.#mustRun();
      if (answer.status >= 200 && answer.status < 300) {
        this.#attempt = 0;
        this.#offset = from + bytes;
        this.#part.accepted(bytes);
        this.#progress(0);
        if (last) return answer.json();
        continue;
      }
      if (answer.status === 409 && answer.header('Upload-Offset') !== null) {
        const offset = Number(answer.header('Upload-Offset'));
        if (!Number.isSafeInteger(offset) || offset > this.#file.size) throw failure(answer.problem);
        this.#offset = offset;
        if (++this.#attempt > 8) throw failure(answer.problem);
        continue;
      }
      // nginx may close the connection while the body is still being sent; the
      // browser then reports no status at all for what was a 413.
      if (answer.problem.proxy && answer.status === 413 || answer.status === 0 && this.#part.untried(bytes)) {
        if (this.#part.refused(bytes)) {
          if (!(await this.#ask())) throw failure(answer.problem);
          continue;
        }
        throw failure(BODY_LIMIT);
      }
      await this.#pauseOrFail(answer);
      if (!(await this.#ask())) throw failure(answer.problem);
    }
  }

  // Repeats a request while the network or the proxy is in the way.
  async #persist(request) {
    for (;;) {
      this.#mustRun();
      const answer = await request();
      this.#mustRun();
      if (!temporary(answer.status)) {
        this.#attempt = 0;
        return answer;
      }
      await this.#pauseOrFail(answer);
    }
  }

  async #pauseOrFail(answer) {
    if (!temporary(answer.status)) throw failure(answer.problem);
    const pause = Math.max(backoff(this.#attempt++, this.#env.random), (answer.problem.retryAfter || 0) * 1000);
    this.#emit('waiting', { retryAt: this.#env.now() + pause, problem: answer.problem });
    await new Promise((resolve) => {
      this.#wake = resolve;
      this.#timer = this.#env.setTimeout(resolve, pause);
      this.#env.window?.addEventListener('online', resolve, { once: true });
    });
    this.#env.clearTimeout(this.#timer);
    this.#wake = null;
    this.#mustRun();
    this.#emit('resumed', {});
  }

  #send(method, url, headers = {}, body = null) {
    return new Promise((resolve) => {
      const xhr = new this.#env.XMLHttpRequest();
      if (method === 'PATCH') this.#xhr = xhr;
      xhr.open(method, this.#url(url));
      xhr.setRequestHeader('Accept', 'application/json, application/problem+json');
      for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
      if (body) xhr.upload.onprogress = (event) => this.#progress(event.loaded);
      const done = async () => {
        this.#xhr = null;
        const header = (name) => xhr.getResponseHeader(name);
        const status = xhr.status;
        let problem = null;
        if (status === 0) problem = NETWORK;
        else if (status >= 400) problem = await readProblem({ status, headers: { get: header }, json: async () => JSON.parse(xhr.responseText) });
        resolve({ status, header, problem, url: xhr.responseURL, json: () => parse(xhr.responseText) });
      };
      xhr.onloadend = done;
      xhr.send(body);
    });
  }

  #progress(loaded) {
    const now = this.#env.now();
    const sent = this.#offset + Math.min(loaded, this.#file.size - this.#offset);
    this.#samples.push({ at: now, sent });
    while (this.#samples.length > 2 && now - this.#samples[0].at > RATE_OVER) this.#samples.shift();
    const first = this.#samples[0];
    const rate = now > first.at ? Math.max(0, ((sent - first.sent) * 1000) / (now - first.at)) : 0;
    this.#emit('progress', { sent, stored: this.#offset, total: this.#file.size, rate, eta: rate > 0 ? (this.#file.size - sent) / rate : null });
  }

  #stop() {
    this.#xhr?.abort();
    this.#wake?.();
  }

  #mustRun() {
    if (this.#state !== 'uploading') throw Object.assign(new Error(this.#state), { stopped: true });
  }

  #url(url) { return new URL(url, this.#env.document?.baseURI).href; }

  // A file is the same file if its name, size and time are; the server's offset decides the rest.
  get #key() { return `pruvon.upload:${this.#options.url}:${this.#file.name}:${this.#file.size}:${this.#file.lastModified}`; }
  get #storage() { return this.#options.storage === undefined ? globalThis.localStorage : this.#options.storage; }

  #remember() {
    try {
      this.#storage?.setItem(this.#key, JSON.stringify({
        target: this.#options.url, location: this.#location, name: this.#file.name, size: this.#file.size, started: this.#env.now(),
      }));
    } catch {
      // Without storage only the resume after a reload is lost.
    }
  }

  #recall() {
    try {
      return JSON.parse(this.#storage?.getItem(this.#key) ?? 'null');
    } catch {
      return null;
    }
  }

  #forget() {
    try {
      this.#storage?.removeItem(this.#key);
    } catch {
      // See #remember.
    }
  }

  #set(state) {
    this.#state = state;
    this.#emit('state', { state });
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** Watches one job by its URL; see imports.d.ts for the events. */
export class ImportWatch extends EventTarget {
  #url; #connection; #seq = 0; #epoch = null; #over = false; #watch = 0;

  constructor({ url, after = 0, env }) {
    super();
    this.#url = url;
    this.#seq = after;
    this.#connection = new Connection({
      url: () => `${this.#url}/events?after=${this.#seq}`,
      protocol: PROTOCOL,
      env,
      handlers: {
        open: () => this.#look(),
        message: (data) => this.#message(JSON.parse(data)),
        close: (info) => this.#closed(info),
        state: (state) => this.#emit('connection', state),
        countdown: (seconds) => this.#emit('countdown', { seconds }),
        awake: () => this.#look(),
      },
    });
  }

  get state() { return this.#connection.state; }
  get seq() { return this.#seq; }

  open() {
    this.#connection.open();
    return this;
  }

  close() {
    this.#connection.env.clearTimeout(this.#watch);
    this.#connection.close();
  }

  retryNow() {
    this.#connection.retryNow();
  }

  #message(m) {
    if (m.type === 'snapshot') {
      // Another epoch is another journal: what was counted before means nothing in it.
      if (this.#epoch !== null && m.epoch !== this.#epoch) {
        this.#seq = 0;
        this.#emit('epoch', { epoch: m.epoch });
      }
      this.#epoch = m.epoch;
      this.#emit('snapshot', m);
      return;
    }
    const durable = m.seq !== undefined && m.type !== 'heartbeat' && m.type !== 'gap';
    if (durable) {
      if (m.seq <= this.#seq) return; // seen before the reconnect
      this.#seq = m.seq;
    }
    if (m.type === 'end') this.#over = true;
    this.#emit(m.type, m);
  }

  #closed({ code }) {
    this.#connection.env.clearTimeout(this.#watch);
    if (this.#over) return { retry: false, problem: null };
    if (code === 1008) return { retry: false };
    return {};
  }

  #look() {
    const { setTimeout, clearTimeout } = this.#connection.env;
    clearTimeout(this.#watch);
    if (this.#connection.state.name !== 'open') return;
    if (!this.#connection.hidden && this.#connection.idle > SILENT_AFTER) {
      this.#connection.drop({ status: 0, name: 'silent', title: 'The connection went silent', detail: 'No heartbeat for 40 s.', hint: '', proxy: false });
      return;
    }
    this.#watch = setTimeout(() => this.#look(), SILENT_AFTER / 4);
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

const temporary = (status) => status === 0 || status === 429 || status === 502 || status === 503 || status === 504;
const failure = (problem) => Object.assign(new Error(problem?.title ?? 'unexpected answer'), { problem });
// RFC 8187: what encodeURIComponent leaves alone and an ext-value does not allow.
const encodeName = (name) => encodeURIComponent(name).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
