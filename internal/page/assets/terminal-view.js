// terminal-view.js: one terminal session in one tab.

import { TerminalClient } from '../terminal.js';
import { at } from './api.js';
import { ask, confirm, toast } from './dialog.js';
import { h, perFrame, remember, remembered, setText } from './dom.js';
import { exitStatus } from './format.js';
import { missingXterm } from './home.js';
import { icon } from './icons.js';
import { whatEnds } from './session-end.js';
import { KeyBar } from './terminal-keys.js';
import { guardPaste } from './terminal-paste.js';
import { loadXterm, onTheme, theme } from './terminal-theme.js';

const FONT = 'ui-monospace, "Cascadia Mono", "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", "Liberation Mono", monospace';
const reasons = {
  exited: 'The program has ended',
  killed: 'The program was killed',
  idle: 'Ended: nobody typed for too long',
  lifetime: 'Ended: the session reached its longest lifetime',
  revoked: 'Ended: access was withdrawn',
  replaced: 'This terminal is open in another tab or window',
  detached: 'Detached',
  shutdown: 'The server was stopped, and the session with it',
  start_failed: 'The program could not be started',
  fault: 'The server had a fault',
};

export class TerminalView {
  #tab; #app; #client = null; #term = null; #fit = null; #keys = null; #stop = [];
  #host; #banner; #status; #rtt; #role; #resumed; #size; #take; #company; #recorded;
  #visible = false; #wanted = false; #exit = null; #fitSoon = perFrame(() => this.#fitNow());

  constructor(tab, app) {
    this.#tab = tab;
    this.#app = app;
    this.#host = h('div', { class: 'term-host' });
    this.#banner = h('div', { class: 'banner', role: 'status', test: 'terminal-banner', hidden: true });
    this.#status = h('span', { class: 'state', test: 'terminal-status', 'data-state': 'connecting', role: 'status' }, 'Connecting…');
    this.#rtt = h('span', { class: 'quiet num', test: 'terminal-rtt', title: 'Round trip to the server' });
    this.#resumed = h('span', { class: 'quiet', test: 'terminal-resumed' });
    this.#size = h('span', { class: 'quiet num wide' });
    this.#role = h('span', { class: 'chip', test: 'terminal-role', hidden: true }, icon('eye', 12), h('span', {}));
    this.#take = h('button', { type: 'button', class: 'link', test: 'terminal-take', hidden: true, onclick: () => { this.#client?.take(); this.#term.focus(); } }, 'Take over');
    this.#company = h('span', { class: 'quiet num', test: 'terminal-company' });
    this.#recorded = h('span', { class: 'chip', hidden: true, title: 'Output and visible input of this session are recorded' }, h('span', { class: 'dot bad', 'aria-hidden': 'true' }), 'Recorded');
    const fontButton = (label, name, by) => h('button', { type: 'button', class: 'small-button', 'aria-label': label, title: label, onclick: () => this.#zoom(by) }, icon(name));
    this.element = h('div', { class: 'terminal-view', test: 'terminal-view' },
      h('h1', { class: 'sr' }, tab.title),
      h('div', { class: 'term-box' }, this.#host, this.#banner),
      h('div', { class: 'statusbar' }, this.#status, this.#rtt, this.#resumed, h('span', { class: 'space' }), this.#company, this.#recorded, this.#role, this.#take, this.#size,
        fontButton('Smaller text', 'smaller', -1), fontButton('Larger text', 'larger', 1)));
  }

  async open() {
    if (!this.#app.xterm) {
      this.element.replaceChildren(missingXterm());
      return;
    }
    const { Terminal, FitAddon } = await loadXterm();
    const term = new Terminal({
      fontFamily: FONT, fontSize: remembered('fontSize', matchMedia('(max-width: 720px)').matches ? 13 : 14), lineHeight: 1.2,
      scrollback: 10_000, cursorBlink: !matchMedia('(prefers-reduced-motion: reduce)').matches, minimumContrastRatio: 4.5,
      macOptionIsMeta: true, theme: theme(), screenReaderMode: remembered('screenReader', false),
      linkHandler: { activate: (_, uri) => this.#follow(uri) },
    });
    this.#term = term;
    this.#fit = new FitAddon();
    term.loadAddon(this.#fit);
    term.open(this.#host);
    term.textarea?.setAttribute('aria-label', `Terminal ${this.#tab.title}`);
    guardPaste(this.#host, { terminal: term, enabled: () => this.#client?.role === 'writer' });
    term.attachCustomKeyEventHandler((event) => this.#key(event));
    term.onTitleChange((title) => title && this.#app.tabs.update(this.#tab.id, { title: `${title.slice(0, 60)}` }));
    term.onBell(() => this.#app.tabs.update(this.#tab.id, { mark: 'news' }));
    this.#stop.push(onTheme(() => { term.options.theme = theme(); }));
    const observer = new ResizeObserver(this.#fitSoon);
    observer.observe(this.#host);
    this.#stop.push(() => observer.disconnect());
    this.#fitNow();
    this.#connect();
    if (this.#visible) this.show();
    if (this.#visible && this.#wanted) term.focus();
  }

  #connect() {
    const term = this.#term;
    const { id, name, session, join } = this.#tab;
    const client = new TerminalClient({
      url: at('terminals', name),
      terminal: this.#adapter(),
      key: `pruvon.terminal.${id}`,
      session,
      mode: join === 'view' ? 'view' : undefined,
    });
    this.#client = client;
    this.#keys = new KeyBar({ terminal: term, send: (text) => { client.send(text); term.focus(); } });
    this.element.append(this.#keys.element);
    const on = (type, f) => client.addEventListener(type, (event) => f(event.detail));
    on('state', (state) => this.#state(state));
    on('countdown', ({ seconds }) => this.#countdown(seconds));
    on('ready', (m) => this.#ready(m));
    on('role', (m) => this.#setRole(m.role, m.writer));
    on('size', ({ cols, rows }) => setText(this.#size, `${cols}×${rows}`));
    on('rtt', ({ ms }) => setText(this.#rtt, ms < 10 ? `${Math.max(1, Math.round(ms))} ms` : `${Math.round(ms)} ms`));
    on('notice', (m) => this.#notice(m));
    on('overflow', () => toast('The paste was not taken: 64 MiB are still waiting to be read by the program.'));
    on('exit', (m) => this.#exited(m));
    client.open();
  }

  // The client sees xterm.js through this: a held Ctrl of the key bar is applied to what is typed.
  #adapter() {
    const term = this.#term;
    return {
      get cols() { return term.cols; },
      get rows() { return term.rows; },
      write: (data, done) => term.write(data, done),
      reset: () => term.reset(),
      resize: (cols, rows) => term.resize(cols, rows),
      onData: (f) => term.onData((text) => f(this.#keys ? this.#keys.apply(text) : text)),
      onBinary: (f) => term.onBinary(f),
      onResize: (f) => term.onResize(f),
    };
  }

  show() {
    this.#visible = true;
    window.pruvon.terminal = this.#term;
    this.#fitSoon();
  }

  hide() {
    this.#visible = false;
    if (window.pruvon.terminal === this.#term) window.pruvon.terminal = null;
  }

  focus() {
    this.#wanted = true;
    this.#term?.focus();
  }

  async mayClose() {
    if (!this.#client || this.#exit || this.#client.state.name === 'closed') return true;
    if (this.#client.role === 'viewer') return true;
    const listed = this.#app.sidebar.list('sessions').find((s) => s.id === this.#client.session);
    const answer = await ask({
      title: `Close ${this.#tab.title}?`,
      text: [
        'The session stays on the server for a while and can be resumed from the menu. When nobody comes back in time, it is ended.',
        whatEnds(listed?.keep_daemons),
      ],
      answers: [['no', 'Keep it open'], ['end', 'End the session', 'danger'], ['yes', 'Close the tab', 'primary']],
    });
    return answer === 'yes' || answer === 'end' && this.#end();
  }

  async #end() {
    try {
      await this.#client.end();
      return true;
    } catch (err) {
      toast(`The session was not ended: ${err.problem?.detail || err.message}`);
      return false;
    }
  }

  close() {
    this.hide();
    this.#client?.close();
    for (const stop of this.#stop) stop();
    this.#term?.dispose();
    try {
      sessionStorage.removeItem(`pruvon.terminal.${this.#tab.id}`);
    } catch {
      // Nothing was kept, then.
    }
    this.#app.sidebar.refresh();
  }

  #state({ name, problem }) {
    const words = { connecting: 'Connecting…', open: 'Connected', waiting: 'Reconnecting…', closed: this.#exit ? 'Ended' : 'Not connected' };
    this.#status.dataset.state = this.#exit && name === 'closed' ? 'ended' : name;
    setText(this.#status, words[name]);
    if (name !== 'open') setText(this.#rtt, '');
    if (name === 'open') this.#hideBanner();
    if (name === 'waiting') this.#showBanner('warn', problem.title, [problem.detail, problem.hint], ['terminal-retry', 'Try now', () => this.#client.retryNow()]);
    if (name === 'closed' && !this.#exit && problem) {
      this.#showBanner('bad', problem.title, [problem.detail, problem.hint], ['terminal-retry', 'Try again', () => this.#client.open()]);
    }
    const mark = { connecting: 'busy', waiting: 'warn', closed: this.#exit ? '' : 'bad', open: '' }[name];
    this.#app.tabs.update(this.#tab.id, { mark });
  }

  #countdown(seconds) {
    setText(this.#status, seconds > 0 ? `Reconnecting in ${seconds} s` : 'Reconnecting…');
  }

  #ready(m) {
    this.#exit = null;
    this.#app.tabs.update(this.#tab.id, { session: m.session });
    if (m.lost) {
      setText(this.#resumed, 'New session');
      this.#term.write('\x1b[2m── The earlier session is gone; this is a new one. ──\x1b[0m\r\n');
    } else setText(this.#resumed, m.resumed ? 'Resumed' : 'New session');
    this.#setRole(m.role);
    // A takeover from the menu asks once, as soon as it is connected.
    if (this.#tab.join === 'take') {
      if (m.role === 'viewer') this.#client.take();
      delete this.#tab.join;
    }
    this.#fitSoon();
    this.#app.sidebar.refresh();
  }

  // What lasts is shown in the status bar; what passes as a message.
  #notice(m) {
    if (m.code === 'watchers') {
      const n = parseInt(m.text, 10);
      setText(this.#company, n > 1 ? `${n} connected` : '');
    } else if (m.code === 'recording') this.#recorded.hidden = false;
    else toast(m.text || m.code);
  }

  #setRole(role, writer) {
    const watching = role === 'viewer';
    const readOnly = this.#app.sidebar.list('terminals').find((t) => t.name === this.#tab.name)?.read_only;
    this.#role.hidden = !watching;
    setText(this.#role.lastChild, readOnly ? 'Read-only' : writer ? `Watching ${writer}` : 'Watching');
    this.#take.hidden = !watching || readOnly;
    this.#term.options.disableStdin = watching;
    this.element.classList.toggle('watching', watching);
    if (!watching) this.#fitSoon();
  }

  #exited(m) {
    if (m.retryable) return;
    this.#exit = m;
    const status = exitStatus(m);
    const title = m.gone ? 'The earlier session has ended' : [reasons[m.reason] ?? m.reason, status].filter(Boolean).join(' · ');
    const again = m.reason === 'replaced'
      ? ['terminal-retry', 'Continue here', () => { this.#exit = null; this.#client.open(); }]
      : ['terminal-retry', 'Start a new session', () => this.#restart()];
    this.#showBanner(m.reason === 'exited' && m.code === 0 ? 'calm' : 'warn', title, [m.gone ? 'Nothing of it runs any more.' : m.reason === 'exited' || m.reason === 'shutdown' ? '' : m.detail], again, ['terminal-close', 'Close', () => this.#app.tabs.close(this.#tab.id)]);
    this.#banner.dataset.reason = m.reason;
    this.#app.sidebar.refresh();
  }

  #restart() {
    this.#exit = null;
    this.#tab.session = undefined;
    delete this.#tab.join;
    this.#term.reset();
    this.#client.restart();
    this.#term.focus();
  }

  #showBanner(tone, title, lines, ...buttons) {
    this.#banner.hidden = false;
    this.#banner.dataset.tone = tone;
    this.#banner.replaceChildren(
      h('div', {}, h('strong', { test: this.#exit ? 'terminal-exit' : null }, title), lines.filter(Boolean).map((line) => h('p', {}, line))),
      h('div', { class: 'actions' }, buttons.map(([test, label, act]) => h('button', { type: 'button', class: 'button', test, onclick: act }, label))));
  }

  #hideBanner() {
    this.#banner.hidden = true;
    this.#banner.replaceChildren();
  }

  #fitNow() {
    if (!this.#term || !this.#host.clientWidth || this.#client?.role === 'viewer') return;
    this.#fit.fit();
  }

  #zoom(by) {
    if (!this.#term) return;
    const size = Math.min(28, Math.max(9, this.#term.options.fontSize + by));
    this.#term.options.fontSize = size;
    remember('fontSize', size);
    this.#fitNow();
    this.#term.focus();
  }

  #key(event) {
    if (event.type === 'keydown' && event.ctrlKey && event.shiftKey && event.code === 'KeyC' && this.#term.hasSelection()) {
      event.preventDefault();
      navigator.clipboard?.writeText(this.#term.getSelection()).catch(() => toast('The browser did not allow copying.'));
      return false;
    }
    // Ctrl+Shift+V is left to the browser, which turns it into a paste.
    return !(event.ctrlKey && event.shiftKey && event.code === 'KeyV');
  }

  // A program writes these links, so their target is shown before it is opened.
  async #follow(uri) {
    if (!/^https?:\/\//i.test(uri)) return;
    if (await confirm({ title: 'Open this link?', text: uri, yes: 'Open' })) window.open(uri, '_blank', 'noopener,noreferrer');
  }
}
