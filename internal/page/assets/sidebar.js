// sidebar.js: what the service offers, as it says so itself, and who you are.

import { at, getJSON } from './api.js';
import { inform } from './dialog.js';
import { h } from './dom.js';
import { ago } from './format.js';
import { icon } from './icons.js';
import { endSession } from './session-end.js';

const REFRESH = 10_000; // ms

const sections = {
  terminals: { kind: 'terminal', title: 'Terminals', icon: 'terminal', test: 'terminal-open-', none: 'No terminals are configured.' },
  logs: { kind: 'log', title: 'Logs', icon: 'log', test: 'log-open-', none: 'No logs are configured.' },
  imports: { kind: 'import', title: 'Imports', icon: 'import', test: 'import-open-', none: 'No import targets are configured.' },
};

export class Sidebar extends EventTarget {
  #app; #tabs; #boxes = {}; #lists = {}; #last = {}; #timer = 0; #me;

  constructor({ sections: box, foot, app, tabs }) {
    super();
    this.#app = app;
    this.#tabs = tabs;
    for (const part of app.parts) {
      const s = sections[part];
      const list = h('ul', { class: 'entries', 'aria-labelledby': `heading-${part}` }, h('li', { class: 'loading' }, ' '));
      this.#boxes[part] = list;
      box.append(h('section', {}, h('h2', { id: `heading-${part}` }, s.title), list));
      if (part === 'terminals') {
        this.#boxes.sessions = h('ul', { class: 'entries sessions', 'aria-label': 'Running sessions' });
        box.lastChild.append(this.#boxes.sessions);
      }
    }
    this.#me = h('span', { class: 'who' }, ' ');
    foot.append(
      h('button', { type: 'button', class: 'entry', onclick: () => tabs.open({ kind: 'whoami', name: '', title: 'Your connection' }) }, icon('person'), this.#me),
      h('button', { type: 'button', class: 'icon-button', 'aria-label': 'Keyboard', title: 'Keyboard', onclick: keyboardHelp }, icon('keyboard')));
    tabs.addEventListener('change', () => this.#mark());
  }

  /** What the server listed under a part, e.g. 'terminals'. */
  list(part) { return this.#lists[part] ?? []; }

  /** The title of what a tab shows, or its name. */
  title(kind, name) {
    const part = Object.keys(sections).find((p) => sections[p].kind === kind);
    return this.list(part).find((item) => item.name === name)?.title || name;
  }

  start() {
    this.refresh();
    document.addEventListener('visibilitychange', () => this.refresh());
  }

  /** Asks for the lists again, and every ten seconds while the page is seen. */
  async refresh() {
    clearTimeout(this.#timer);
    if (document.visibilityState === 'hidden') return;
    await Promise.all([...this.#app.parts.map((part) => this.#load(part)), this.#who()]);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.refresh(), REFRESH);
  }

  async #load(part) {
    const s = sections[part];
    try {
      const answer = await getJSON(at(part));
      this.#lists[part] = answer[part] ?? [];
      this.#draw(part, JSON.stringify(this.#lists[part]), this.#boxes[part], () => this.#lists[part].map((item) => this.#entry(s, item)), s.none);
      if (part === 'terminals') {
        const running = answer.sessions ?? [];
        this.#lists.sessions = running;
        this.#draw('sessions', JSON.stringify(running.map((r) => [r, ago(r.started)])), this.#boxes.sessions, () => running.map((r) => this.#session(r)), '');
      }
      this.dispatchEvent(new Event('lists'));
    } catch (err) {
      const text = err.problem ? `${err.problem.title}. ${err.problem.hint || err.problem.detail}` : String(err);
      this.#draw(part, `!${text}`, this.#boxes[part], () => [], text);
    }
  }

  // Drawn only when something has changed, so that nothing moves or loses focus under a hand.
  #draw(key, state, box, entries, none) {
    if (this.#last[key] === state) return;
    this.#last[key] = state;
    const focused = box.contains(document.activeElement) ? document.activeElement.dataset.testid : null;
    const rows = entries();
    box.replaceChildren(...(rows.length || !none ? rows : [h('li', { class: 'none' }, none)]));
    if (focused) box.querySelector(`[data-testid="${CSS.escape(focused)}"]`)?.focus();
    this.#mark();
  }

  #entry(s, item) {
    const title = item.title || item.name;
    const open = h('button', { type: 'button', class: 'entry', test: s.test + item.name, 'data-kind': s.kind, 'data-name': item.name, title: item.title ? item.name : null, onclick: () => this.#tabs.openOrShow({ kind: s.kind, name: item.name, title }) },
      icon(s.icon), h('span', { class: 'label' }, title),
      item.read_only && h('span', { class: 'chip', title: 'You may watch, not type' }, icon('lock', 12), h('span', { class: 'sr' }, 'read-only')));
    const more = s.kind === 'terminal' && h('button', { type: 'button', class: 'entry-more', 'aria-label': `Open another ${title}`, title: 'Open another one', onclick: () => this.#tabs.open({ kind: 'terminal', name: item.name, title }) }, icon('plus', 14));
    return h('li', {}, open, more);
  }

  #session(r) {
    const mine = this.#tabs.list.some((tab) => tab.session === r.id);
    const title = this.title('terminal', r.name);
    const claim = r.attached > 0 ? 'Take over' : 'Resume';
    const watchers = r.attached > 0 ? `${r.attached} attached` : 'detached';
    const link = (test, text, act) => h('button', { type: 'button', class: 'link', test: `session-${test}-${r.id}`, 'aria-label': `${text} ${title}`, onclick: act }, text);
    return h('li', { class: 'session' },
      h('span', { class: `dot ${r.attached > 0 ? 'ok' : 'idle'}`, 'aria-hidden': 'true' }),
      h('span', { class: 'label' }, title),
      mine && h('small', { class: 'chip' }, 'open here'),
      h('small', { class: 'meta' }, [r.user, watchers, ago(r.started)].filter(Boolean).join(' · ')),
      h('span', { class: 'pair' },
        !mine && [link('watch', 'Watch', () => this.#join(r, title, 'view')), link('take', claim, () => this.#join(r, title, 'take'))],
        link('end', 'End', () => this.#end(r, title))));
  }

  #join(r, title, mode) {
    this.#tabs.open({ kind: 'terminal', name: r.name, title, session: r.id, join: mode });
  }

  async #end(r, title) {
    await endSession(r, title);
    this.refresh();
  }

  async #who() {
    try {
      const me = await getJSON(at('whoami'));
      this.#me.textContent = me.user || me.client || me.addr || 'Your connection';
    } catch {
      this.#me.textContent = 'Your connection';
    }
  }

  #mark() {
    const active = this.#tabs.active;
    for (const el of document.querySelectorAll('.entry[data-kind]')) {
      const on = active !== null && el.dataset.kind === active.kind && el.dataset.name === active.name;
      if (on) el.setAttribute('aria-current', 'true');
      else el.removeAttribute('aria-current');
    }
  }
}

function keyboardHelp() {
  const row = (keys, what) => [h('dt', {}, keys.map((k) => h('kbd', {}, k))), h('dd', {}, what)];
  inform('Keyboard', h('dl', { class: 'keys' },
    row(['Ctrl', 'Shift', '←'], 'view before'), row(['Ctrl', 'Shift', '→'], 'next view'),
    row(['Ctrl', 'Shift', '↑'], 'leave the terminal: to the tabs'), row(['Ctrl', 'Shift', '↓'], 'back into the view'),
    row(['Delete'], 'on a tab: close it'), row(['Ctrl', 'Shift', 'C'], 'in a terminal: copy the selection'),
    row(['Ctrl', 'Shift', 'V'], 'in a terminal: paste'), row(['End'], 'in a log: follow again')));
}
