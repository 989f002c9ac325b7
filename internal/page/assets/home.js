// home.js: what is seen before anything is open.

import { h } from './dom.js';
import { icon } from './icons.js';

const cards = {
  terminals: { kind: 'terminal', icon: 'terminal', title: 'Terminals', text: 'A shell that outlives the connection: close the lid, come back, go on.' },
  logs: { kind: 'log', icon: 'log', title: 'Logs', text: 'Followed live, through every rotation, without losing a line.' },
  imports: { kind: 'import', icon: 'import', title: 'Imports', text: 'Upload a dump and see what really becomes of it, to the end.' },
};
const SHOWN = 6; // entries of a card

export class Home {
  #app; #lists = {};

  constructor(app) {
    this.#app = app;
    this.element = h('div', { class: 'home' },
      h('h1', {}, `${app.title} on ${location.hostname}`),
      h('p', { class: 'lead' }, app.parts.length ? 'Open something to begin. It stays open when you reload the page.' : 'Nothing is mounted yet: the service offers no terminals, logs or imports.'),
      h('div', { class: 'cards' }, app.parts.map((part) => this.#card(part))),
      app.parts.includes('terminals') && !app.xterm && missingXterm());
  }

  /** Fills the cards with what the server lists. */
  fill(sidebar, tabs) {
    for (const part of this.#app.parts) {
      const { kind } = cards[part];
      const items = sidebar.list(part);
      const state = JSON.stringify(items.map((i) => [i.name, i.title]));
      if (this.#lists[part].dataset.state === state) continue;
      this.#lists[part].dataset.state = state;
      this.#lists[part].replaceChildren(...items.slice(0, SHOWN).map((item) => h('li', {},
        h('button', { type: 'button', class: 'button', onclick: () => tabs.openOrShow({ kind, name: item.name, title: item.title || item.name }) }, item.title || item.name))),
      ...(items.length > SHOWN ? [h('li', { class: 'quiet' }, `and ${items.length - SHOWN} more in the menu`)] : []));
    }
  }

  #card(part) {
    const c = cards[part];
    this.#lists[part] = h('ul', { class: 'card-list' });
    return h('section', { class: 'card' },
      h('span', { class: 'card-icon' }, icon(c.icon, 20)), h('h2', {}, c.title), h('p', {}, c.text), this.#lists[part]);
  }
}

/** Said wherever a terminal would be. */
export function missingXterm() {
  return h('div', { class: 'problem', test: 'xterm-missing' },
    h('strong', {}, 'Terminals need xterm.js, and this build came without it'),
    h('p', {}, 'Logs and imports work. To bring it in, with node and npm installed, run this in the source folder and build again:'),
    h('pre', { tabindex: '0' }, 'go generate ./examples/standalone\ngo build ./examples/standalone'),
    h('p', { class: 'hint' }, 'In a program of your own, set Page.Xterm to a file system with xterm.mjs, xterm.css and addon-fit.mjs.'));
}
