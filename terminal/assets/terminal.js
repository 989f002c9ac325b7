// terminal.js: a browser's end of a pruvon terminal (subprotocol
// pruvon.terminal.v1). It joins any xterm.js instance, or a bare callback, to a
// session that outlives the connection: output resumes at the byte where it
// stopped, and each byte of input arrives once.

import { Connection, randomID, readProblem } from './connect.js';

const PROTOCOL = 'pruvon.terminal.v1';
const MESSAGE = 16 * 1024; // bytes of input in one message, at most
const CREDIT = 256 * 1024; // bytes of input sent and not yet accepted, at most
const HELD = 64 * 1024 * 1024; // bytes of input held back here, at most
const IDLE_ACK = 40; // ms without output before the rest is acknowledged
const RESIZE_PAUSE = 60; // ms in which sizes are coalesced
const PING_EVERY = 10_000; // ms
// CAN ends a sequence that the stream may have stopped in, RIS resets the terminal.
const FULL_RESET = new Uint8Array([0x18, 0x1b, 0x63]);
const FIRST_PING = 500; // ms after ready
const PONG_WITHIN = 8_000; // ms

/** Input waiting to be accepted by the server, addressed by byte offset. Pure. */
export class InputQueue {
  #chunks = [];
  #base = 0; // offset of the first byte held
  #sent = 0; // offset of the next byte to send
  #end = 0; // offset behind the last byte held

  get accepted() { return this.#base; }
  get held() { return this.#end - this.#base; }

  /** Takes bytes in; false when they would not fit (nothing is taken then). */
  push(bytes) {
    if (this.held + bytes.length > HELD) return false;
    for (let at = 0; at < bytes.length; at += MESSAGE) this.#chunks.push(bytes.subarray(at, at + MESSAGE));
    this.#end += bytes.length;
    return true;
  }

  /** The server has accepted everything before `offset`. */
  accept(offset) {
    if (offset > this.#end || offset < this.#base) return;
    while (this.#base < offset) {
      const head = this.#chunks[0];
      const n = Math.min(head.length, offset - this.#base);
      if (n === head.length) this.#chunks.shift();
      else this.#chunks[0] = head.subarray(n);
      this.#base += n;
    }
    this.#sent = Math.max(this.#sent, this.#base);
  }

  /** The next message that the credit allows, or null. */
  next() {
    let at = this.#base;
    for (const chunk of this.#chunks) {
      if (at + chunk.length > this.#sent) {
        const message = chunk.subarray(this.#sent - at);
        if (this.#sent + message.length - this.#base > CREDIT) return null;
        this.#sent += message.length;
        return message;
      }
      at += chunk.length;
    }
    return null;
  }

  /** After a reconnect to the same session: what is not accepted is sent again. */
  rewind(offset) {
    this.accept(offset);
    this.#sent = this.#base;
  }

  /** Counting starts anew at `offset`; `keep` carries what was typed before the first session. */
  restart(offset, keep) {
    const chunks = keep ? this.#chunks : [];
    this.#chunks = chunks;
    this.#base = this.#sent = offset;
    this.#end = offset + chunks.reduce((n, c) => n + c.length, 0);
  }
}

/** See terminal.d.ts for the options and the events. */
export class TerminalClient extends EventTarget {
  #options; #connection; #term; #write; #encoder = new TextEncoder();
  #disposables = [];
  #input = new InputQueue();
  #client; #session = null; #known = false; #greeted = false; // known: this object has been attached to #session; greeted: so has this connection
  #size; #role = 'writer'; #mode; #taking = false; #fitted = false;
  #window = 128 * 1024;
  #received = 0; #rendered = 0; #acked = 0; #picture = 0; #epoch = 0;
  #ackTimer = 0; #resizeTimer = 0; #pingTimer = 0;
  #pings = new Map(); #pingID = 0;
  #exit = null;

  constructor(options) {
    super();
    this.#options = options;
    this.#mode = options.mode;
    if (this.#mode === 'view') this.#role = 'viewer';
    this.#term = options.terminal ?? null;
    this.#write = options.output ?? ((bytes, done) => this.#term.write(bytes, done));
    this.#size = options.size ?? { cols: this.#term?.cols ?? 80, rows: this.#term?.rows ?? 24 };
    const stored = this.#load();
    this.#client = options.client ?? stored.client ?? randomID();
    this.#session = options.session ?? stored.session ?? null;
    this.#connection = new Connection({
      url: () => options.url,
      protocol: PROTOCOL,
      env: options.env,
      handlers: {
        open: () => this.#hello(),
        message: (data) => this.#message(data),
        close: (info) => this.#closed(info),
        state: (state) => this.#state(state),
        countdown: (seconds) => this.#emit('countdown', { seconds }),
        awake: () => this.#ping(),
      },
    });
    if (this.#term) {
      this.#disposables.push(
        this.#term.onData((text) => this.send(text)),
        this.#term.onBinary((text) => this.send(Uint8Array.from(text, (c) => c.charCodeAt(0)))),
        this.#term.onResize(({ cols, rows }) => this.#fitted || this.resize(cols, rows)),
      );
    }
  }

  get session() { return this.#session; }
  get role() { return this.#role; }
  get state() { return this.#connection.state; }
  get exit() { return this.#exit; }
  /** Bytes of input that the server has not accepted yet. */
  get pendingInput() { return this.#input.held; }

  open() {
    this.#exit = null;
    this.#connection.open();
    return this;
  }

  /** Leaves the session; it goes on by itself until the server's grace has passed. */
  close() {
    this.#connection.close();
    for (const d of this.#disposables.splice(0)) d.dispose();
    this.#stopTimers();
  }

  /** Closes and forgets the stored session, so that the next open starts a new one. */
  forget() {
    this.close();
    this.#session = null;
    this.#store();
  }

  retryNow() {
    this.#connection.retryNow();
  }

  /** Starts over after an exit: a new session in the same terminal. */
  restart() {
    this.#session = null;
    this.#known = false;
    this.#input.restart(0, false);
    this.#store();
    this.open();
  }

  /** Sends input: a string or bytes. False when it is not taken (a viewer, or 64 MiB already waiting). */
  send(data) {
    if (this.#role !== 'writer' || this.#exit) return false;
    const bytes = typeof data === 'string' ? this.#encoder.encode(data) : data;
    if (!this.#input.push(bytes)) {
      this.#emit('overflow', { bytes: bytes.length });
      return false;
    }
    this.#flush();
    return true;
  }

  resize(cols, rows) {
    const clamp = (n) => Math.min(1000, Math.max(1, Math.floor(n)));
    this.#size = { cols: clamp(cols), rows: clamp(rows) };
    if (this.#resizeTimer) return;
    this.#resizeTimer = this.#env.setTimeout(() => {
      this.#resizeTimer = 0;
      if (this.#known && this.#role === 'writer') this.#json({ type: 'resize', ...this.#size });
    }, RESIZE_PAUSE);
  }

  /** Asks for the writer's role. A connection that only watches is left for one that may type. */
  take() {
    if (this.#mode !== 'view') {
      this.#json({ type: 'take' });
      return;
    }
    this.#mode = undefined;
    this.#taking = true;
    this.#connection.redial();
  }

  /**
   * Ends the session and everything it has started, also while this client is not connected. Resolves
   * when nothing of it runs any more; rejects with an Error that has a `problem`.
   */
  async end() {
    if (!this.#session) return;
    const url = new URL(this.#options.url, this.#env.document?.baseURI);
    url.searchParams.set('session', this.#session);
    const problem = await this.#env.fetch(url, { method: 'DELETE', headers: { Accept: 'application/problem+json' }, cache: 'no-store' }).then(
      (response) => response.ok ? null : readProblem(response),
      () => ({ status: 0, name: 'network', title: 'No connection', detail: 'The server cannot be reached.', hint: '', proxy: false }));
    // One that has ended before is what was wanted.
    if (problem && problem.status !== 404) throw Object.assign(new Error(problem.title), { problem });
  }

  get #env() { return this.#connection.env; }

  #hello() {
    this.#greeted = false;
    const hello = { type: 'hello', ...this.#size, client: this.#client };
    if (this.#options.window) hello.window = this.#options.window;
    if (this.#mode) hello.mode = this.#mode;
    if (this.#session) {
      hello.session = this.#session;
      if (this.#known) hello.offset = this.#received;
    }
    this.#json(hello);
  }

  #message(data) {
    if (typeof data !== 'string') {
      this.#output(new Uint8Array(data));
      return;
    }
    const m = JSON.parse(data);
    switch (m.type) {
      case 'ready': this.#ready(m); break;
      case 'input': this.#input.accept(m.offset); this.#flush(); break;
      case 'reset': this.#reset(m); break;
      case 'pong': this.#pong(m.t); break;
      case 'role': this.#setRole(m); break;
      case 'size': this.#setSize(m); break;
      case 'notice': this.#emit('notice', m); break;
      case 'exit': this.#exited(m); break;
    }
  }

  #ready(m) {
    const asked = this.#session;
    const same = m.session === asked;
    if (same && this.#known) this.#input.rewind(m.input);
    else this.#input.restart(m.input, !this.#known && (same || !asked));
    // A new session must not be drawn over the old one's screen.
    if (!same && this.#known) this.#clear();
    this.#session = m.session;
    this.#known = this.#greeted = true;
    this.#window = m.window || this.#window;
    this.#startAt(m.offset);
    this.#role = m.role ?? 'writer';
    this.#store();
    this.#setSize(m);
    if (this.#role === 'writer' && (m.cols !== this.#size.cols || m.rows !== this.#size.rows)) {
      this.#json({ type: 'resize', ...this.#size });
    }
    if (this.#taking && this.#role === 'viewer') this.#json({ type: 'take' });
    this.#taking = false;
    this.#emit('ready', { ...m, resumed: same, lost: !same && asked !== null });
    this.#flush();
    // Not at once: what is measured then is the page's own loading.
    this.#pingTimer = this.#env.setTimeout(() => this.#ping(), FIRST_PING);
  }

  #reset(m) {
    this.#clear();
    this.#startAt(m.offset);
    this.#picture = m.bytes;
    this.#setSize(m);
    this.#emit('reset', m);
  }

  #startAt(offset) {
    this.#epoch++;
    this.#received = this.#rendered = this.#acked = offset;
    this.#picture = 0;
  }

  #clear() {
    // In the stream, behind what is still to be drawn: Terminal.reset() would act at once, and
    // older writes would then be drawn over what comes next.
    if (this.#term) this.#term.write(FULL_RESET, () => {});
    this.#emit('clear', {});
  }

  #output(bytes) {
    if (this.#picture > 0) {
      const n = Math.min(this.#picture, bytes.length);
      this.#picture -= n;
      this.#write(bytes.subarray(0, n), () => {});
      bytes = bytes.subarray(n);
      if (bytes.length === 0) return;
    }
    this.#received += bytes.length;
    const end = this.#received;
    const epoch = this.#epoch;
    this.#write(bytes, () => {
      if (epoch !== this.#epoch) return;
      this.#rendered = end;
      this.#acknowledge();
    });
  }

  // A quarter of the window at the latest, so that the server never waits for an acknowledgement that waits for output.
  #acknowledge() {
    if (this.#rendered - this.#acked >= this.#window / 4) this.#ack();
    else if (!this.#ackTimer) {
      this.#ackTimer = this.#env.setTimeout(() => {
        this.#ackTimer = 0;
        if (this.#rendered > this.#acked) this.#ack();
      }, IDLE_ACK);
    }
  }

  #ack() {
    if (this.#json({ type: 'ack', offset: this.#rendered })) this.#acked = this.#rendered;
  }

  #flush() {
    if (!this.#known || this.#role !== 'writer') return;
    while (this.#connection.state.name === 'open') {
      const message = this.#input.next();
      if (!message) break;
      this.#connection.send(message);
    }
    this.#emit('input', { pending: this.#input.held });
  }

  #setRole(m) {
    this.#role = m.role;
    if (m.role === 'writer') {
      this.#json({ type: 'resize', ...this.#size });
      this.#flush();
    }
    this.#emit('role', m);
  }

  #setSize(m) {
    if (!m.cols || !m.rows) return;
    if (this.#role === 'viewer' && this.#term && (this.#term.cols !== m.cols || this.#term.rows !== m.rows)) {
      this.#fitted = true; // the session's size, not this window's
      this.#term.resize(m.cols, m.rows);
      this.#fitted = false;
    }
    this.#emit('size', { cols: m.cols, rows: m.rows });
  }

  #exited(m) {
    this.#exit = m;
    // Without a ready, detached says that the session asked for is no more.
    const gone = m.reason === 'detached' && !this.#greeted && this.#session !== null;
    const lives = m.reason === 'replaced' || (m.reason === 'detached' && !gone) || m.retryable;
    if (!lives) {
      this.#session = null;
      this.#known = false;
      this.#store();
    }
    this.#emit('exit', { ...m, gone });
  }

  #closed({ code, problem }) {
    this.#stopTimers();
    const exit = this.#exit;
    if (exit?.retryable) {
      this.#exit = null;
      return { after: (exit.retry_after ?? 0) * 1000, problem: { ...problem, detail: exit.detail || problem.detail } };
    }
    if (exit || code === 1000 || code === 1008 || code === 1009) return { retry: false };
    return {};
  }

  #state(state) {
    if (state.name !== 'open') this.#stopTimers();
    this.#emit('state', state);
  }

  #ping() {
    this.#env.clearTimeout(this.#pingTimer);
    if (this.#connection.state.name !== 'open' || !this.#known) return;
    if (!this.#connection.hidden) {
      const t = ++this.#pingID;
      const due = this.#env.setTimeout(() => {
        // Output proves the connection as well as a pong does.
        if (this.#connection.hidden || this.#connection.idle < PONG_WITHIN) return;
        this.#connection.drop({ status: 0, name: 'silent', title: 'The connection went silent', detail: 'No answer for 8 s.', hint: '', proxy: false });
      }, PONG_WITHIN);
      this.#pings.set(t, { at: this.#env.now(), due });
      this.#json({ type: 'ping', t });
    }
    this.#pingTimer = this.#env.setTimeout(() => this.#ping(), PING_EVERY);
  }

  #pong(t) {
    const ping = this.#pings.get(t);
    if (!ping) return;
    this.#pings.delete(t);
    this.#env.clearTimeout(ping.due);
    this.#emit('rtt', { ms: this.#env.now() - ping.at });
  }

  #stopTimers() {
    const { clearTimeout } = this.#env;
    for (const timer of [this.#ackTimer, this.#resizeTimer, this.#pingTimer]) clearTimeout(timer);
    for (const { due } of this.#pings.values()) clearTimeout(due);
    this.#pings.clear();
    this.#ackTimer = this.#resizeTimer = this.#pingTimer = 0;
  }

  #json(message) {
    return this.#connection.send(JSON.stringify(message));
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  // sessionStorage belongs to one tab and survives its reload: just what "the same client" means.
  #load() {
    try {
      return JSON.parse(this.#storage?.getItem(this.#key) ?? '{}') ?? {};
    } catch {
      return {};
    }
  }

  #store() {
    try {
      this.#storage?.setItem(this.#key, JSON.stringify({ client: this.#client, session: this.#session }));
    } catch {
      // A full or forbidden storage only costs the resume after a reload.
    }
  }

  get #storage() { return this.#options.storage === undefined ? globalThis.sessionStorage : this.#options.storage; }
  get #key() { return this.#options.key ?? `pruvon.terminal:${this.#options.url}`; }
}
