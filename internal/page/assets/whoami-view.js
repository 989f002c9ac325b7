// whoami-view.js: who the service takes you for, and why: hop by hop.

import { at, getJSON } from './api.js';
import { problemBox } from './dialog.js';
import { h } from './dom.js';

export class WhoamiView {
  #app; #box = h('div', { class: 'column' });

  constructor(_, app) {
    this.#app = app;
    this.element = h('div', { class: 'whoami', test: 'whoami', tabindex: '0', 'aria-label': 'Your connection' }, this.#box);
  }

  async show() {
    try {
      this.#draw(await getJSON(at('whoami')));
    } catch (err) {
      this.#box.replaceChildren(h('h1', {}, 'Your connection'), problemBox(err.problem ?? { title: String(err), detail: '', hint: '' }));
    }
  }

  focus() { this.element.focus({ preventScroll: true }); }

  #draw(me) {
    const facts = [
      ['User', me.user], ['Address', me.addr], ['Scheme', me.scheme], ['Host', me.host],
      ['Allowlist', { off: 'off here; nginx decides', allowed: 'your address is allowed' }[me.filter] ?? me.filter],
      ['Ignored headers', me.ignored?.join(', ')],
    ].filter(([, value]) => value);
    this.#box.replaceChildren(
      h('h1', {}, 'Your connection'),
      h('p', { class: 'lead' }, 'How the service sees you, and how it came to that. Read it when an allowlist does not do what it should.'),
      h('dl', { class: 'facts' }, facts.map(([name, value]) => [h('dt', {}, name), h('dd', {}, value)])),
      h('h2', {}, 'The way here'),
      h('ol', { class: 'hops' },
        step(this.#app.title, 'this service', ''),
        step(me.peer ?? 'unknown', me.peer_trusted ? 'trusted proxy' : 'not a trusted proxy', 'The other end of the TCP connection.'),
        (me.hops ?? []).map((hop) => step(hop.addr ?? hop.text, { client: 'you', skipped: 'trusted proxy', refused: 'refused' }[hop.decision] ?? hop.decision, `Read from ${me.header}, from the right.`))),
      h('p', {}, me.why));
  }
}

function step(name, what, text) {
  return h('li', {}, h('strong', {}, name), h('span', { class: 'chip' }, what), text && h('p', {}, text));
}
