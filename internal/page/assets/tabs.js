// tabs.js: what is open. A tab is plain data {id, kind, name, title, …} kept in
// sessionStorage, so that a reload brings the same views back; its view is made
// when the tab comes to the front for the first time.

import { randomID } from '../connect.js';
import { h, setText } from './dom.js';
import { Home } from './home.js';
import { icon } from './icons.js';

const KEY = 'pruvon.tabs';
const views = {
  terminal: () => import('./terminal-view.js').then((m) => m.TerminalView),
  log: () => import('./log-view.js').then((m) => m.LogView),
  import: () => import('./import-view.js').then((m) => m.ImportView),
  whoami: () => import('./whoami-view.js').then((m) => m.WhoamiView),
};
const icons = { terminal: 'terminal', log: 'log', import: 'import', whoami: 'route' };
const routes = { terminal: 'terminals', log: 'logs', import: 'imports', whoami: 'whoami' };
const kinds = Object.fromEntries(Object.entries(routes).map(([kind, route]) => [route, kind]));

export class Tabs extends EventTarget {
  #strip; #views; #app; #home; #tablist;
  #open = []; // {tab, button, panel, view}
  #active = null;

  constructor({ strip, views: panels, app }) {
    super();
    this.#strip = strip;
    // The closing buttons stand between the tabs, where a tablist allows nothing else: so it only owns the tabs.
    this.#tablist = h('span', { role: 'tablist', 'aria-label': 'Open views', hidden: true });
    strip.append(this.#tablist);
    this.#views = panels;
    this.#app = app;
    this.#home = new Home(app);
    this.#views.append(this.#home.element);
    strip.addEventListener('keydown', (event) => this.#keys(event));
  }

  /** What is shown while nothing is in front. */
  get start() { return this.#home; }
  get active() { return this.#active?.tab ?? null; }
  get list() { return this.#open.map((o) => o.tab); }

  /** Opens what `tab` describes. Terminals may be open several times, the rest once. */
  open(tab, { focus = true } = {}) {
    const same = this.#open.find((o) => o.tab.kind === tab.kind && o.tab.name === tab.name &&
      (tab.kind !== 'terminal' || (tab.session && o.tab.session === tab.session)));
    const entry = same ?? this.#add({ id: randomID().slice(0, 12), ...tab });
    this.#activate(entry, focus);
    return entry.tab;
  }

  /** Brings a terminal to the front if one of this name is open, else opens one. */
  openOrShow(tab, { focus = true } = {}) {
    const open = this.#open.filter((o) => o.tab.kind === tab.kind && o.tab.name === tab.name);
    if (open.length) this.#activate(open.includes(this.#active) ? this.#active : open[0], focus);
    else this.open(tab, { focus });
  }

  async close(id) {
    const entry = this.#open.find((o) => o.tab.id === id);
    if (!entry) return;
    if (entry.view?.mayClose && !(await entry.view.mayClose())) return;
    const at = this.#open.indexOf(entry);
    if (at < 0) return;
    this.#open.splice(at, 1);
    this.#own();
    entry.view?.close();
    entry.panel.remove();
    entry.button.parentElement.remove();
    if (this.#active === entry) {
      this.#active = null;
      const next = this.#open[at] ?? this.#open[at - 1];
      if (next) this.#activate(next, true);
      else this.home();
    }
    this.#save();
    this.dispatchEvent(new Event('change'));
  }

  home() {
    this.#show(null);
    if (location.hash && location.hash !== '#/') history.replaceState(null, '', '#/');
  }

  step(by) {
    if (this.#open.length === 0) return;
    const at = this.#open.indexOf(this.#active);
    this.#activate(this.#open[(at + by + this.#open.length) % this.#open.length], true);
  }

  focusStrip() { (this.#active?.button ?? document.querySelector('#sections button'))?.focus(); }
  focusView() { this.#active?.view?.focus?.(); }

  /** Changes what a tab shows: {title, mark} with mark '', 'busy', 'ok', 'warn', 'bad' or 'news'. */
  update(id, change) {
    const entry = this.#open.find((o) => o.tab.id === id);
    if (!entry) return;
    if (change.title !== undefined) {
      entry.tab.title = change.title;
      setText(entry.button.querySelector('.label'), change.title);
    }
    if (change.mark !== undefined) entry.button.dataset.mark = change.mark === 'news' && entry === this.#active ? '' : change.mark;
    if (change.session !== undefined) entry.tab.session = change.session;
    if (entry === this.#active) this.#entitle();
    this.#save();
  }

  /** Gives tabs that were opened by an address, where only the name stands, their titles. */
  entitle(title) {
    for (const { tab, view } of this.#open) {
      if (tab.title !== tab.name || !tab.name) continue;
      const found = title(tab.kind, tab.name);
      if (found === tab.title) continue;
      this.update(tab.id, { title: found });
      view?.entitle?.(found);
    }
  }

  /** Opens what an address like #/logs/nginx-access names. */
  follow(hash) {
    const [, route, name] = hash.split('/');
    const kind = kinds[route];
    if (!kind) {
      this.home();
      return;
    }
    const title = kind === 'whoami' ? 'Your connection' : decodeURIComponent(name ?? '');
    if (kind !== 'whoami' && !name) return;
    if (this.#active && this.#hash(this.#active.tab) === hash) return;
    this.openOrShow({ kind, name: decodeURIComponent(name ?? ''), title }, { focus: false });
  }

  restore(hash) {
    let saved = {};
    try {
      saved = JSON.parse(sessionStorage.getItem(KEY)) ?? {};
    } catch {
      // Nothing was open, then.
    }
    for (const tab of saved.tabs ?? []) if (views[tab.kind]) this.#add(tab);
    const active = this.#open.find((o) => o.tab.id === saved.active);
    if (active && (!hash || hash === '#/' || hash === this.#hash(active.tab))) this.#activate(active, false);
    else if (hash && hash !== '#/') this.follow(hash);
    else this.#show(null);
  }

  #add(tab) {
    const panelID = `panel-${tab.id}`;
    const button = h('button', { type: 'button', class: 'tab', role: 'tab', id: `tab-${tab.id}`, 'aria-controls': panelID, 'aria-selected': 'false', 'aria-keyshortcuts': 'Delete', tabindex: '-1', title: tab.title, test: `tab-${tab.kind}-${tab.name}`, onclick: () => this.#activate(entry, true), onauxclick: (e) => e.button === 1 && this.close(tab.id) },
      icon(icons[tab.kind], 14), h('span', { class: 'label' }, tab.title), h('span', { class: 'mark', 'aria-hidden': 'true' }));
    const close = h('button', { type: 'button', class: 'tab-close', tabindex: '-1', 'aria-label': `Close ${tab.title}`, test: 'tab-close', onclick: () => this.close(tab.id) }, icon('close', 12));
    const panel = h('section', { class: 'panel', role: 'tabpanel', id: panelID, 'aria-labelledby': `tab-${tab.id}`, hidden: true });
    const entry = { tab, button, panel, view: null, ready: null };
    this.#open.push(entry);
    this.#strip.append(h('div', { class: 'tab-box' }, button, close));
    this.#views.append(panel);
    this.#own();
    return entry;
  }

  #own() {
    this.#tablist.setAttribute('aria-owns', this.#open.map((o) => o.button.id).join(' '));
    this.#tablist.hidden = this.#open.length === 0;
  }

  #activate(entry, focus) {
    this.#show(entry);
    const hash = this.#hash(entry.tab);
    if (location.hash !== hash) history.replaceState(null, '', hash);
    entry.button.scrollIntoView?.({ block: 'nearest', inline: 'nearest' });
    entry.ready ??= views[entry.tab.kind]().then((View) => {
      entry.view = new View(entry.tab, this.#app);
      entry.panel.append(entry.view.element);
      entry.view.open?.();
      return entry.view;
    }).catch((err) => {
      entry.ready = null;
      entry.panel.replaceChildren(h('p', { class: 'empty' }, `This view could not be loaded: ${err.message}. Reload the page.`));
      throw err;
    });
    entry.ready.then((view) => {
      if (this.#active !== entry) return;
      view.show?.();
      // A terminal is for typing into; elsewhere a focus that nobody has moved would only draw a frame.
      if (focus || entry.tab.kind === 'terminal') view.focus?.();
    }, () => {});
    this.#save();
    this.dispatchEvent(new Event('change'));
  }

  #show(entry) {
    for (const other of this.#open) {
      const front = other === entry;
      if (!front && other === this.#active) other.view?.hide?.();
      other.panel.hidden = !front;
      other.button.setAttribute('aria-selected', String(front));
      other.button.tabIndex = front ? 0 : -1;
    }
    if (entry && entry.button.dataset.mark === 'news') entry.button.dataset.mark = '';
    this.#active = entry;
    this.#home.element.hidden = entry !== null;
    this.#entitle();
    if (entry === null) {
      this.#save();
      this.dispatchEvent(new Event('change'));
    }
  }

  #entitle() {
    document.title = this.#active ? `${this.#active.tab.title} · ${this.#app.title}` : this.#app.title;
  }

  #hash(tab) {
    return tab.name ? `#/${routes[tab.kind]}/${encodeURIComponent(tab.name)}` : `#/${routes[tab.kind]}`;
  }

  #keys(event) {
    const at = this.#open.findIndex((o) => o.button === event.target);
    if (at < 0) return;
    if (event.key === 'Delete') this.close(this.#open[at].tab.id);
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: this.#open.length - 1 }[event.key];
    if (to === undefined || event.ctrlKey) return;
    event.preventDefault();
    const next = this.#open[(to + this.#open.length) % this.#open.length];
    this.#activate(next, false);
    next.button.focus();
  }

  #save() {
    try {
      sessionStorage.setItem(KEY, JSON.stringify({ tabs: this.list, active: this.#active?.tab.id ?? null }));
    } catch {
      // Then a reload starts with an empty page.
    }
  }
}
