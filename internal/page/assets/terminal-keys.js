// terminal-keys.js: the keys that a phone's keyboard does not have.

import { h } from './dom.js';

const keys = [
  ['Esc', '\x1b'], ['Tab', '\t'], ['Ctrl', null], ['Alt', null],
  ['↑', 'A', 'Up'], ['↓', 'B', 'Down'], ['←', 'D', 'Left'], ['→', 'C', 'Right'],
  ['|', '|'], ['/', '/'], ['~', '~'], ['-', '-'], ['Home', 'H', 'Home'], ['End', 'F', 'End'], ['PgUp', '\x1b[5~', 'Page up'], ['PgDn', '\x1b[6~', 'Page down'],
];
const cursor = new Set(['A', 'B', 'C', 'D', 'H', 'F']);

/** What a held Ctrl or Alt makes of the next key. Pure. */
export function modify(text, { ctrl, alt }) {
  let out = text;
  if (ctrl && text.length === 1) {
    const code = text.toUpperCase().charCodeAt(0);
    if (code >= 0x40 && code <= 0x5f) out = String.fromCharCode(code & 0x1f);
    else if (text === ' ') out = '\0';
    else if (text === '?') out = '\x7f';
  }
  return alt ? `\x1b${out}` : out;
}

export class KeyBar {
  #held = { ctrl: false, alt: false }; #buttons = {};

  constructor({ terminal, send }) {
    this.element = h('div', { class: 'keybar', role: 'toolbar', 'aria-label': 'Keys' }, keys.map(([label, value, name]) => {
      const button = h('button', {
        type: 'button', 'aria-label': name, 'aria-pressed': value === null ? 'false' : null,
        // The terminal keeps the focus, so that the phone's keyboard stays up.
        onpointerdown: (event) => event.preventDefault(),
        onclick: () => {
          if (value === null) this.#hold(label.toLowerCase());
          else {
            const sequence = cursor.has(value) ? `\x1b${terminal.modes?.applicationCursorKeysMode ? 'O' : '['}${value}` : value;
            send(this.apply(sequence));
          }
        },
      }, label);
      if (value === null) this.#buttons[label.toLowerCase()] = button;
      return button;
    }));
  }

  /** Input with the held keys applied; they are let go by it. */
  apply(text) {
    if (!this.#held.ctrl && !this.#held.alt) return text;
    const out = modify(text, this.#held);
    for (const key of ['ctrl', 'alt']) if (this.#held[key]) this.#hold(key);
    return out;
  }

  #hold(key) {
    this.#held[key] = !this.#held[key];
    this.#buttons[key].setAttribute('aria-pressed', String(this.#held[key]));
  }
}
