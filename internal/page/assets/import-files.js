// import-files.js: files that are on the server already and need no upload.

import { getJSON, request } from './api.js';
import { confirm, problemBox } from './dialog.js';
import { h } from './dom.js';
import { ago, bytes } from './format.js';

export class ServerFiles {
  #url; #started; #list = h('ul', {}); #problem = h('div', {});

  /** `started` is called with the id of an import that has begun. */
  constructor({ url, started }) {
    this.#url = url;
    this.#started = started;
    this.element = h('details', { class: 'server-files', ontoggle: () => this.element.open && this.#load() },
      h('summary', {}, 'Or take a file that is on the server'), this.#problem, this.#list);
  }

  async #load() {
    try {
      const { files } = await getJSON(`${this.#url}/files`);
      this.#problem.replaceChildren();
      this.#list.replaceChildren(...(files.length ? files.map((file) => this.#row(file)) : [h('li', { class: 'quiet' }, 'The folder is empty.')]));
    } catch (err) {
      this.#problem.replaceChildren(problemBox(err.problem ?? { title: String(err) }));
    }
  }

  #row(file) {
    return h('li', {},
      h('span', { class: 'label' }, file.name, h('small', {}, `${bytes(file.size)} · ${ago(file.modified)}`)),
      h('button', { type: 'button', class: 'button', 'aria-label': `Import ${file.name}`, onclick: () => this.#take(file) }, 'Import'));
  }

  async #take(file) {
    if (!(await confirm({ title: `Import ${file.name}?`, text: `${bytes(file.size)}, from the server’s own folder.`, yes: 'Start the import' }))) return;
    try {
      const answer = await request('POST', `${this.#url}?file=${encodeURIComponent(file.name)}`);
      this.#problem.replaceChildren();
      this.element.open = false;
      this.#started((await answer.json()).id);
    } catch (err) {
      this.#problem.replaceChildren(problemBox(err.problem ?? { title: String(err) }));
    }
  }
}
