// whoami-view.js: who the service takes you for, and why: hop by hop.

import { at, getJSON } from './api.js';
import { problemBox } from './dialog.js';
import { h } from './dom.js';

export class WhoamiView {
  constructor() {
    this.element = h('div', { class: 'whoami', test: 'whoami' });
  }

  open() {}

  async show() {
    try {
      this.#draw(await getJSON(at('whoami')));
    } catch (err) {
      this.element.replaceChildren(h('div', { class: 'column' }, h('h1', {}, 'Your connection'), problemBox(err.problem ?? { title: String(err), detail: '', hint: '' })));
    }
  }

  focus() {}

  #draw(me) {
    const e = me.explanation ?? me;
    const client = me.client ?? me.addr ?? e.client ?? e.addr;
    const facts = [
      ['User', me.user], ['Rights', me.admin && 'administrator'], ['Address', typeof client === 'object' ? client?.addr : client],
      ['Scheme', me.scheme ?? e.scheme], ['Host', me.host ?? e.host], ['Peer', me.peer ?? e.peer], ['Allowed by', rule(me.rule ?? me.allowed_by)], ['Why', e.why ?? e.reason ?? e.decision],
    ].filter(([, value]) => value);
    this.element.replaceChildren(h('div', { class: 'column' },
      h('h1', {}, 'Your connection'),
      h('p', { class: 'lead' }, 'How the service sees you, and how it came to that. Nothing that a client says about itself is believed unless a trusted proxy stands behind it.'),
      h('dl', { class: 'facts' }, facts.map(([name, value]) => [h('dt', {}, name), h('dd', {}, String(value))])),
      this.#hops(e.hops ?? [])));
  }

  #hops(hops) {
    if (!hops.length) return null;
    return [h('h2', {}, 'The way here'), h('ol', { class: 'hops' }, hops.map((hop) => {
      if (typeof hop === 'string') return h('li', {}, h('strong', {}, hop));
      const addr = hop.addr ?? hop.address ?? hop.value ?? hop.text ?? '';
      const what = hop.decision ?? hop.verdict ?? (hop.trusted ? 'trusted proxy' : '');
      return h('li', {}, h('strong', {}, addr), what && h('span', { class: 'chip' }, what), (hop.why ?? hop.reason) && h('p', {}, hop.why ?? hop.reason));
    }))];
  }
}

const rule = (r) => (typeof r === 'object' && r ? [r.text ?? r.rule, r.name].filter(Boolean).join(' · ') : r);
