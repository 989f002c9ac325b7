// log-view.js: one log, followed live.

import { LogStream } from '../logs.js';
import { at } from './api.js';
import { problemBox, toast } from './dialog.js';
import { h, remember, remembered, setText } from './dom.js';
import { ago, bytes, count } from './format.js';
import { icon } from './icons.js';
import { LogRows } from './log-rows.js';

const health = {
  connecting: 'Connecting…',
  live: 'Live',
  quiet: 'Quiet: connected, nothing is being written',
  broken: 'Disconnected',
  ended: 'The source has ended',
};
const sources = {
  rotated: 'rotated: a new file from here on',
  truncated: 'truncated: the file was emptied',
  missing: 'the file is missing; waiting for it to come back',
  exited: 'the command has ended; it is started again',
  replaced: 'replaced: another file stands at this name',
};
const ends = {
  complete: 'that is all', exited: 'the source has ended', fault: 'the source cannot be read any more',
  shutdown: 'the service was stopped', denied: 'access was withdrawn', slow: 'this browser was too slow',
};
const reasons = {
  slow: 'this browser was too slow', evicted: 'they had left the memory', rotated: 'they went with a rotation',
  truncated: 'the file was emptied', restart: 'the source was started anew', hole: 'the file has a hole there',
};

export class LogView {
  #tab; #app; #stream; #rows;
  #status; #follow; #search; #level; #since; #wrap; #times; #download; #stats; #problem; #pill;
  #rate = []; #timer = 0; #gaps = 0; #waiting = 0; #lastLine = 0; #word = 'connecting';

  constructor(tab, app) {
    this.#tab = tab;
    this.#app = app;
    this.#rows = new LogRows({ label: `Lines of ${tab.title}`, test: 'log-lines' });
    this.#rows.addEventListener('follow', () => this.#showFollow());
    this.#search = h('input', { type: 'search', class: 'field', placeholder: 'Search (RE2)', 'aria-label': 'Search: only lines that match', test: 'log-search', maxlength: 1024, spellcheck: 'false', autocapitalize: 'off', value: tab.grep ?? '', onchange: () => this.#again() });
    this.#level = h('select', { class: 'field', 'aria-label': 'Lowest level', test: 'log-level', onchange: () => this.#again() },
      [['', 'All levels'], ['debug', 'Debug and up'], ['info', 'Info and up'], ['warn', 'Warnings and up'], ['error', 'Errors only']].map(([value, text]) => h('option', { value }, text)));
    this.#level.value = tab.level ?? '';
    this.#since = h('input', { type: 'datetime-local', class: 'field', 'aria-label': 'Begin at this time', title: 'Begin at this time', test: 'log-since', onchange: () => this.#again() });
    this.#wrap = h('button', { type: 'button', class: 'tool', 'aria-pressed': 'false', title: 'Wrap long lines', test: 'log-wrap', onclick: () => this.#setWrap(this.#wrap.getAttribute('aria-pressed') !== 'true') }, icon('wrap'), h('span', {}, 'Wrap'));
    this.#times = h('button', { type: 'button', class: 'tool', 'aria-pressed': 'false', title: 'Show when each line arrived', test: 'log-times', onclick: () => this.#setTimes(this.#times.getAttribute('aria-pressed') !== 'true') }, icon('clock'), h('span', {}, 'Times'));
    this.#download = h('a', { class: 'tool', test: 'log-download', title: 'Download this view, rotated files included', download: `${tab.name}.log` }, icon('download'), h('span', {}, 'Download'));
    this.#follow = h('button', { type: 'button', class: 'tool', test: 'log-follow', onclick: () => this.#rows.follow(!this.#rows.following) });
    this.#status = h('span', { class: 'state', role: 'status', test: 'log-status', 'data-health': 'connecting' }, health.connecting);
    this.#stats = h('span', { class: 'quiet num' });
    this.#problem = h('div', { class: 'over', hidden: true });
    this.#pill = h('button', { type: 'button', class: 'pill num', hidden: true, onclick: () => this.#rows.follow(true) }, icon('down', 14), h('span', {}));
    this.element = h('div', { class: 'log-view' },
      h('h1', { class: 'sr' }, tab.title),
      h('form', { class: 'toolbar', role: 'search', onsubmit: (event) => { event.preventDefault(); this.#again(); } },
        h('span', { class: 'search' }, icon('search', 14), this.#search), this.#level, this.#since,
        h('span', { class: 'space' }), this.#times, this.#wrap, this.#download, this.#follow),
      h('div', { class: 'rows-box' }, this.#rows.element, this.#pill, this.#problem),
      h('div', { class: 'statusbar' }, this.#status, h('span', { class: 'space' }), this.#stats));
  }

  open() {
    this.#stream = new LogStream({ url: at('logs', this.#tab.name), ...this.#query() });
    const on = (type, f) => this.#stream.addEventListener(type, (event) => f(event.detail));
    on('lines', (m) => this.#lines(m.lines));
    on('gap', (m) => this.#gap(m));
    on('source', (m) => this.#mark('source', [sources[m.state] ?? m.state, m.detail].filter(Boolean).join(': ')));
    on('hello', (m) => { this.#greeted = Date.now(); if (this.#rows.length && m.resume !== 'exact' && m.resume !== 'file') this.#mark('source', m.resume === 'time' ? 'reconnected: resumed by time, lines may repeat' : 'reconnected: begun anew'); });
    on('health', (m) => this.#setHealth(m.health));
    on('state', (state) => this.#state(state));
    on('countdown', ({ seconds }) => seconds > 0 && setText(this.#status, `Disconnected: trying again in ${seconds} s`));
    on('end', (m) => this.#mark('source', ends[m.why] ?? m.why));
    on('search', (m) => this.#searched(m));
    this.#setWrap(remembered('logWrap', false));
    this.#setTimes(remembered('logTimes', false));
    this.#showFollow();
    this.#stream.open();
    this.#timer = setInterval(() => this.#tick(), 1000);
    this.#link();
  }

  show() { this.#tick(); }
  focus() { this.#rows.element.focus({ preventScroll: true }); }

  close() {
    clearInterval(this.#timer);
    clearTimeout(this.#counting);
    this.#stream?.close();
    this.#rows.close();
  }

  #query() {
    const since = this.#since.value ? new Date(this.#since.value).toISOString() : '';
    return { grep: this.#search.value, level: this.#level.value, since, tail: since ? 'all' : 1000 };
  }

  #again() {
    const query = this.#query();
    if (JSON.stringify(query) === JSON.stringify(this.#asked ?? {})) return;
    this.#asked = query;
    Object.assign(this.#tab, { grep: query.grep, level: query.level });
    this.#rows.clear();
    this.#rows.highlight(pattern(query.grep));
    this.#rows.follow(!query.since);
    this.#gaps = 0;
    this.#history = '';
    this.#hideProblem();
    this.#stream.restart(query);
    this.#link();
  }

  #asked = null;

  #link() {
    const { grep, level, since } = this.#query();
    this.#download.href = this.#stream.downloadURL({ grep, level, since });
  }

  #lines(lines) {
    this.#lastLine = Date.now();
    // What comes with the greeting is history, not a pace.
    if (this.#lastLine - this.#greeted > 1000) this.#rate.push([this.#lastLine, lines.length]);
    if (!this.#rows.following) this.#waiting += lines.length;
    this.#rows.append(lines.map((l) => ({
      m: l.m, n: l.n, t: l.t, class: [l.s === 'err' && 'err', l.l && `level-${l.l}`, l.p && 'partial'].filter(Boolean).join(' '),
    })));
    if (this.#waiting) this.#showFollow();
    this.#count();
  }

  // The first lines are counted at once, a flood of them a few times a second.
  #count() {
    this.#counting ||= setTimeout(() => {
      this.#counting = 0;
      this.#tick();
    }, this.#lastCount + 250 - Date.now());
  }

  #counting = 0; #lastCount = 0; #greeted = 0;

  #mark(kind, text) {
    this.#rows.append([{ class: `marker ${kind}`, element: () => h('span', {}, text) }]);
  }

  #gap(m) {
    this.#gaps++;
    const lines = m.lines === null || m.lines === undefined ? 'Lines are missing' : `${count(m.lines, 'line')} missing`;
    const why = reasons[m.why] ?? m.why;
    const entry = { class: 'marker gap' };
    const fetchIt = async (event) => {
      event.target.disabled = true;
      try {
        const { lines: found, complete } = await this.#stream.fetchGap(m);
        this.#rows.replace(entry, [...found.map((l) => ({ m: l.m, n: l.n, t: l.t })), ...(complete ? [] : [{ class: 'marker gap', element: () => h('span', {}, 'More lines are gone for good') }])]);
      } catch (err) {
        toast(`They could not be fetched: ${err.problem?.title ?? err.message}`);
        event.target.disabled = false;
      }
    };
    entry.element = () => h('span', { test: 'log-gap' }, m.lines !== null && h('button', { type: 'button', class: 'link', onclick: fetchIt }, 'Fetch'), `${lines}${m.bytes ? ` (${bytes(m.bytes)})` : ''}: ${why}`);
    this.#rows.append([entry]);
  }

  #searched({ scanned, matches, done, more }) {
    const found = `${count(matches, 'match', 'matches')} in ${bytes(scanned)}`;
    this.#history = done ? (more ? `${found}; what is older was not searched` : found) : `searching: ${found}`;
    this.#tick();
  }

  #history = '';

  #setHealth(word) {
    this.#word = word;
    this.#status.dataset.health = word;
    setText(this.#status, health[word]);
    this.#app.tabs.update(this.#tab.id, { mark: { broken: 'warn', connecting: 'busy', ended: '' }[word] ?? '' });
    this.#tick();
  }

  #state({ name, problem }) {
    if (name === 'open') this.#hideProblem();
    if (name === 'closed' && problem) {
      this.#problem.hidden = false;
      this.#problem.replaceChildren(problemBox(problem, h('button', { type: 'button', class: 'button', onclick: () => this.#stream.open() }, 'Try again')));
    } else if (name === 'waiting' && problem?.hint) {
      this.#problem.hidden = false;
      this.#problem.replaceChildren(problemBox(problem, h('button', { type: 'button', class: 'button', onclick: () => this.#stream.retryNow() }, 'Try now')));
    }
  }

  #hideProblem() {
    this.#problem.hidden = true;
    this.#problem.replaceChildren();
  }

  #setWrap(on) {
    this.#wrap.setAttribute('aria-pressed', String(on));
    remember('logWrap', on);
    this.#rows.wrap(on);
  }

  #setTimes(on) {
    this.#times.setAttribute('aria-pressed', String(on));
    remember('logTimes', on);
    this.#rows.times(on);
  }

  #showFollow() {
    const on = this.#rows.following;
    if (on) this.#waiting = 0;
    if (this.#follow.dataset.on !== String(on)) {
      this.#follow.dataset.on = String(on);
      this.#follow.replaceChildren(icon(on ? 'pause' : 'down'), h('span', {}));
      this.#follow.classList.toggle('primary', !on);
    }
    setText(this.#follow.lastChild, on ? 'Pause' : 'Follow');
    this.#pill.hidden = on || this.#waiting === 0;
    setText(this.#pill.lastChild, count(this.#waiting, 'new line'));
  }

  #tick() {
    const now = Date.now();
    this.#lastCount = now;
    while (this.#rate.length && now - this.#rate[0][0] > 3000) this.#rate.shift();
    const rate = Math.round(this.#rate.reduce((n, [, k]) => n + k, 0) / 3);
    if (this.#word === 'quiet' && this.#lastLine) setText(this.#status, `Quiet: connected, last line ${ago(this.#lastLine)}`);
    const parts = [];
    if (rate) parts.push(`${rate.toLocaleString('en')} lines/s`);
    parts.push(count(this.#rows.length, 'line'));
    if (this.#rows.dropped) parts.push('older ones by download');
    if (this.#history) parts.push(this.#history);
    if (this.#gaps) parts.push(count(this.#gaps, 'gap'));
    setText(this.#stats, parts.join(' · '));
  }
}

// The server searches with RE2; most patterns mean the same here, and those that do not are just not marked.
function pattern(grep) {
  if (!grep) return null;
  try {
    const flags = grep.startsWith('(?i)') ? 'giu' : 'gu';
    return new RegExp(grep.replace(/^\(\?i\)/, ''), flags);
  } catch {
    return null;
  }
}
