// connect.js: a WebSocket that comes back.
//
// What terminal.js, logs.js and imports.js share: where a socket's URL comes
// from, when to try again and when not, and what to tell a person when it
// fails. No dependency; nothing here knows which part it serves.

const FIRST_RETRY = 500; // ms
const LONGEST_RETRY = 30_000; // ms
const STABLE = 10_000; // ms a connection must live before the back-off starts over

/** The pause before retry number `attempt` (0 = the first), in milliseconds: doubling, and half of it random, so that a restarted server is not met by every tab at once. */
export function backoff(attempt, random = Math.random) {
  const ceiling = Math.min(LONGEST_RETRY, FIRST_RETRY * 2 ** Math.min(attempt, 16));
  return Math.round(ceiling / 2 + (random() * ceiling) / 2);
}

/** The ws: or wss: form of a URL, relative ones taken from `base` (the document). */
export function socketURL(url, base = globalThis.document?.baseURI) {
  const u = new URL(url, base);
  u.protocol = u.protocol.replace(/^http/, 'ws');
  u.hash = '';
  return u;
}

/** A random name that fits where the server allows 64 characters. */
export function randomID() {
  const bytes = globalThis.crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
}

const NGINX_UPGRADE =
  'The proxy in front does not pass the WebSocket upgrade on. In its location block nginx needs ' +
  'these two lines: proxy_set_header Upgrade $http_upgrade; and proxy_set_header Connection "upgrade";';

/**
 * What an HTTP answer means, for a person. A problem document (RFC 9457) speaks
 * for itself; anything else came from something between the browser and the
 * server, and is explained by its status.
 */
export async function readProblem(response) {
  const type = response.headers.get('Content-Type') ?? '';
  if (/^application\/(problem\+)?json/i.test(type)) {
    const doc = await response.json().catch(() => null);
    if (doc && typeof doc === 'object') {
      return {
        ...doc,
        status: response.status,
        name: String(doc.type ?? '').replace(/^urn:pruvon:problem:/, ''),
        title: doc.title || `The server answered ${response.status}`,
        detail: doc.detail ?? '',
        hint: doc.hint ?? '',
        retryAfter: Number(response.headers.get('Retry-After')) || 0,
        proxy: false,
      };
    }
  }
  return { ...proxyProblem(response.status), retryAfter: Number(response.headers.get('Retry-After')) || 0 };
}

/** What a status means that a proxy has answered by itself. */
export function proxyProblem(status) {
  const problem = (title, detail, hint) => ({ status, name: 'proxy', title, detail, hint, proxy: true });
  switch (status) {
    case 403:
      return problem('The proxy refused this address', 'nginx answered 403 before the request reached the service.',
        'Add your address to the allow lines in nginx, then run: nginx -t && systemctl reload nginx');
    case 413:
      return problem('The proxy refused the size', 'nginx answered 413: the request body is larger than it lets through.',
        'Set client_max_body_size in the nginx server or location block, then run: nginx -t && systemctl reload nginx');
    case 502:
      return problem('The service is not running', 'nginx is up, but nothing answers behind it (502).',
        'On the server: systemctl status pruvon');
    case 503:
      return problem('The service is busy', 'The server is at a limit (503). It will be tried again.', '');
    case 504:
      return problem('The service did not answer in time', 'nginx gave up waiting (504).', 'Set proxy_read_timeout 3600; in the nginx location block.');
    default:
      return problem(`Unexpected answer ${status}`, `Something between this browser and the service answered ${status}.`, '');
  }
}

/** What a closed socket means. `idle` is the time in ms since the last message. */
export function explainClose({ code, reason = '', idle = 0 }) {
  const problem = (title, detail, hint = '') => ({ status: 0, name: 'closed', code, title, detail, hint, proxy: false });
  switch (code) {
    case 1000:
      return problem('Ended', reason);
    case 1001:
      return problem('The server is restarting', reason, '');
    case 1008:
      return problem('The server refused the connection', reason);
    case 1009:
      return problem('A message was too large', reason);
    case 1011:
      return problem('The server had a fault', reason, 'The server’s log says more.');
    case 1013:
      return problem('The server is full', reason, '');
  }
  const seconds = Math.round(idle / 1000);
  if (seconds >= 20 && Math.abs(idle - seconds * 1000) < 400 && seconds % 5 === 0) {
    return problem('The proxy closed an idle connection',
      `nginx closed an idle connection after ${seconds} s.`, 'Set proxy_read_timeout 3600; and proxy_send_timeout 3600; in the nginx location block.');
  }
  return problem('The connection was lost', 'It ended without a word: the network, the proxy or the server went away.');
}

/** Statuses after which trying again by itself cannot help. */
const FINAL = new Set([400, 401, 403, 404, 405, 410, 421]);

/**
 * One logical connection over as many sockets as it takes.
 *
 * `url` is a function, asked before each attempt. `handlers`:
 *   open()            a socket is up
 *   message(data)     a string or an ArrayBuffer
 *   close(info)       a socket that was up has gone; returns {retry: false, problem?}
 *                     to stay closed or {after} for a pause in ms of its own choosing
 *   state(state)      {name: 'connecting'|'open'|'waiting'|'closed', attempt, retryAt, problem}
 *   countdown(s)      whole seconds to the next attempt
 */
export class Connection {
  #url; #protocol; #handlers; #env;
  #socket = null;
  #timer = 0;
  #ticker = 0;
  #attempt = 0;
  #openedAt = 0;
  #heardAt = 0;
  #wasUp = false;
  #state = { name: 'closed', attempt: 0, retryAt: 0, problem: null };
  #wake = () => this.#hurry();

  constructor({ url, protocol, handlers, env = {} }) {
    this.#url = url;
    this.#protocol = protocol;
    this.#handlers = handlers;
    this.#env = {
      WebSocket: globalThis.WebSocket,
      fetch: globalThis.fetch?.bind(globalThis),
      setTimeout: globalThis.setTimeout.bind(globalThis),
      clearTimeout: globalThis.clearTimeout.bind(globalThis),
      now: () => Date.now(),
      random: Math.random,
      window: globalThis.window,
      document: globalThis.document,
      ...env,
    };
  }

  get state() { return this.#state; }
  get env() { return this.#env; }
  /** Milliseconds since the last message or, before it, since the socket opened. */
  get idle() { return this.#env.now() - this.#heardAt; }
  /** True while nobody can see the page: timers are throttled then and prove nothing. */
  get hidden() { return this.#env.document?.visibilityState === 'hidden'; }

  open() {
    if (this.#state.name !== 'closed') return;
    this.#env.window?.addEventListener('online', this.#wake);
    this.#env.document?.addEventListener('visibilitychange', this.#wake);
    this.#attempt = 0;
    this.#dial();
  }

  /** Sends if a socket is up; says whether it did. */
  send(data) {
    if (this.#state.name !== 'open' || this.#socket.readyState !== 1) return false;
    this.#socket.send(data);
    return true;
  }

  /** Ends for good. */
  close(code = 1000, reason = '') {
    const socket = this.#forget();
    socket?.close(code, reason);
    this.#finish(null);
  }

  /** Gives the socket up as dead and dials again, without waiting for the network to notice. */
  drop(problem) {
    if (this.#state.name !== 'open') return;
    const socket = this.#forget();
    socket?.close(4000, 'no answer');
    this.#retry({ problem });
  }

  /** Leaves the socket that is up for a new one, at once. */
  redial() {
    if (this.#state.name !== 'open') return;
    this.#forget()?.close(1000, '');
    this.#dial();
  }

  /** Dials now instead of at the end of the countdown. */
  retryNow() {
    if (this.#state.name === 'waiting') this.#dial();
    else if (this.#state.name === 'closed') this.open();
  }

  #dial() {
    this.#stopTimers();
    this.#set({ name: 'connecting', attempt: this.#attempt, retryAt: 0, problem: this.#state.problem });
    const { WebSocket, now } = this.#env;
    let socket;
    try {
      socket = new WebSocket(String(socketURL(this.#url(), this.#env.document?.baseURI)), this.#protocol);
    } catch (err) {
      this.#finish({ status: 0, name: 'url', title: 'No connection can be made', detail: String(err.message ?? err), hint: '', proxy: false });
      return;
    }
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    let up = false;
    socket.onopen = () => {
      up = this.#wasUp = true;
      this.#openedAt = this.#heardAt = now();
      this.#set({ name: 'open', attempt: this.#attempt, retryAt: 0, problem: null });
      this.#handlers.open?.();
    };
    socket.onmessage = (event) => {
      this.#heardAt = now();
      this.#handlers.message?.(event.data);
    };
    socket.onclose = (event) => {
      const idle = this.idle;
      this.#forget();
      if (up) this.#closed({ code: event.code, reason: event.reason, idle });
      else this.#refused();
    };
  }

  #closed(info) {
    if (this.#env.now() - this.#openedAt >= STABLE) this.#attempt = 0;
    const problem = explainClose(info);
    const verdict = this.#handlers.close?.({ ...info, problem }) ?? {};
    if (verdict.retry === false) this.#finish('problem' in verdict ? verdict.problem : problem);
    else this.#retry({ problem: verdict.problem ?? problem, after: verdict.after });
  }

  async #refused() {
    const attempt = this.#attempt;
    const problem = await this.#diagnose();
    if (this.#state.name !== 'connecting' || this.#socket || attempt !== this.#attempt) return;
    if (FINAL.has(problem.status)) this.#finish(problem);
    else this.#retry({ problem, after: problem.retryAfter ? problem.retryAfter * 1000 : undefined });
  }

  // A browser hides why a handshake failed, so the same address is asked by
  // plain HTTP: by GET, and if that is fine by POST, because only then does the
  // browser send the Origin that a WebSocket sends (the answer is a 405).
  async #diagnose() {
    for (const method of ['GET', 'POST']) {
      try {
        const response = await this.#env.fetch(this.#url(), { method, headers: { Accept: 'application/problem+json' }, cache: 'no-store' });
        const problem = response.ok ? null : await readProblem(response);
        response.body?.cancel?.().catch(() => {});
        if (problem && problem.status !== 426 && problem.status !== 405) return problem;
      } catch {
        return { status: 0, name: 'network', title: 'No connection', detail: 'The server cannot be reached.', hint: '', proxy: false };
      }
    }
    if (this.#wasUp) {
      return { status: 503, name: 'refused', title: 'The server takes no new connection', detail: 'It may be at a limit.', hint: '', proxy: false };
    }
    return { status: 426, name: 'upgrade_required', title: 'The WebSocket upgrade is refused', detail: 'Plain requests arrive, WebSocket ones do not.', hint: NGINX_UPGRADE, proxy: true };
  }

  #retry({ problem, after }) {
    const { now, random } = this.#env;
    const pause = Math.max(after ?? 0, backoff(this.#attempt, random));
    this.#attempt++;
    this.#set({ name: 'waiting', attempt: this.#attempt, retryAt: now() + pause, problem });
    this.#timer = this.#env.setTimeout(() => this.#dial(), pause);
    this.#tick();
  }

  #tick() {
    const left = this.#state.retryAt - this.#env.now();
    this.#handlers.countdown?.(Math.max(0, Math.ceil(left / 1000)));
    if (left > 0) this.#ticker = this.#env.setTimeout(() => this.#tick(), left % 1000 || 1000);
  }

  #hurry() {
    if (this.hidden) return;
    if (this.#state.name === 'waiting') this.#dial();
    else if (this.#state.name === 'open') this.#handlers.awake?.();
  }

  #forget() {
    const socket = this.#socket;
    this.#socket = null;
    this.#stopTimers();
    if (socket) socket.onopen = socket.onmessage = socket.onclose = null;
    return socket;
  }

  #finish(problem) {
    this.#env.window?.removeEventListener('online', this.#wake);
    this.#env.document?.removeEventListener('visibilitychange', this.#wake);
    this.#set({ name: 'closed', attempt: 0, retryAt: 0, problem });
  }

  #stopTimers() {
    this.#env.clearTimeout(this.#timer);
    this.#env.clearTimeout(this.#ticker);
  }

  #set(state) {
    this.#state = state;
    this.#handlers.state?.(state);
  }
}
