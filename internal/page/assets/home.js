// home.js: what is seen before anything is open.

import { h } from './dom.js';
import { icon } from './icons.js';

const cards = {
  terminals: { icon: 'terminal', title: 'Terminals', text: 'A shell that outlives the connection: close the lid, come back, go on.' },
  logs: { icon: 'log', title: 'Logs', text: 'Followed live, through every rotation, without losing a line.' },
  imports: { icon: 'import', title: 'Imports', text: 'Upload a dump and see what really happens to it, to the end.' },
};

export class Home {
  constructor(app) {
    this.element = h('div', { class: 'home' },
      h('h1', {}, app.title),
      h('p', { class: 'lead' }, app.parts.length ? 'Choose something on the left to open it. What you open stays open after a reload.' : 'Nothing is mounted yet: the service offers no terminals, logs or imports.'),
      h('div', { class: 'cards' }, app.parts.map((part) => card(part))),
      app.parts.includes('terminals') && !app.xterm && missingXterm());
  }
}

function card(part) {
  const c = cards[part];
  return h('button', { type: 'button', class: 'card', onclick: () => document.querySelector(`#heading-${part} + ul button`)?.click() },
    h('span', { class: 'card-icon' }, icon(c.icon, 20)), h('strong', {}, c.title), h('span', {}, c.text));
}

/** Said wherever a terminal would be. */
export function missingXterm() {
  return h('div', { class: 'problem', test: 'xterm-missing' },
    h('strong', {}, 'Terminals need xterm.js, and this build came without it'),
    h('p', {}, 'Logs and imports work. To bring it in, with node and npm installed, run this in the source folder and build again:'),
    h('pre', {}, 'go generate ./examples/standalone\ngo build ./examples/standalone'),
    h('p', { class: 'hint' }, 'In a program of your own, set Page.Xterm to a file system with xterm.mjs, xterm.css and addon-fit.mjs.'));
}
