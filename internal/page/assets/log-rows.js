// log-rows.js: a long list of lines with few elements: only the rows in sight
// exist, they are used again while scrolling, and the number of lines kept is
// bounded. Lines arrive at any speed; drawing happens once a frame.

import { h, perFrame } from './dom.js';
import { clock } from './format.js';
import { cssColour, parseSGR, stripSGR } from './sgr.js';

const KEEP = 20_000; // lines while following
const KEEP_PAUSED = 60_000; // lines while somebody reads further up
const GUTTER = 13; // characters: 12:34:56.789 and a space
const SPARE = 12; // rows drawn above and below what is in sight

export class LogRows extends EventTarget {
  #lines = []; #heights = []; #total = 0;
  #rowHeight = 20; #columns = 0; #charWidth = 8;
  #pool = []; #drawn = new Map();
  #following = true; #wrap = false; #times = false; #highlight = null; #moving = false;
  #dropped = 0;
  #draw = perFrame(() => this.#paint());

  constructor({ label, test }) {
    super();
    this.canvas = h('div', { class: 'rows-canvas' });
    this.element = h('div', { class: 'rows', role: 'log', 'aria-live': 'off', 'aria-label': label, tabindex: '0', test }, this.canvas);
    this.element.addEventListener('scroll', () => this.#scrolled(), { passive: true });
    this.element.addEventListener('wheel', (event) => { if (event.deltaY < 0) this.follow(false); }, { passive: true });
    this.element.addEventListener('keydown', (event) => {
      if (event.key === 'End') this.follow(true);
      if (['Home', 'PageUp', 'ArrowUp'].includes(event.key)) this.follow(false);
    });
    this.#observer = new ResizeObserver(() => this.#measure());
    this.#observer.observe(this.element);
  }

  #observer;

  get following() { return this.#following; }
  get length() { return this.#lines.length; }
  get dropped() { return this.#dropped; }

  /** Adds lines at the end: {m, …} or {element: () => Node} for a marker. */
  append(lines) {
    for (const line of lines) {
      const height = this.#estimate(line);
      this.#lines.push(line);
      this.#heights.push(height);
      this.#total += height;
    }
    this.#trim();
    this.#draw();
  }

  /** Puts lines in the place of one that is there (a gap that was fetched). */
  replace(line, lines) {
    const i = this.#lines.lastIndexOf(line);
    if (i < 0) return;
    const heights = lines.map((l) => this.#estimate(l));
    this.#total += heights.reduce((a, b) => a + b, 0) - this.#heights[i];
    this.#lines.splice(i, 1, ...lines);
    this.#heights.splice(i, 1, ...heights);
    this.#release();
    this.#draw();
  }

  clear() {
    this.#lines = [];
    this.#heights = [];
    this.#total = this.#dropped = 0;
    this.#release();
    this.#draw();
  }

  follow(on) {
    if (this.#following === on) return;
    this.#following = on;
    this.dispatchEvent(new Event('follow'));
    if (on) {
      this.#trim();
      this.#draw();
    }
  }

  wrap(on) {
    this.#wrap = on;
    this.element.classList.toggle('wrap', on);
    this.#measure();
  }

  /** Shows a column with each line's time, where it is known. */
  times(on) {
    this.#times = on;
    this.#measure();
  }

  /** Marks what matches in the rows; null marks nothing. */
  highlight(regexp) {
    this.#highlight = regexp;
    this.#release();
    this.#draw();
  }

  /** The lines as plain text, e.g. for a copy of all of them. */
  text() {
    return this.#lines.filter((l) => l.m !== undefined).map((l) => stripSGR(l.m)).join('\n');
  }

  close() { this.#observer.disconnect(); }

  #trim() {
    const excess = this.#lines.length - (this.#following ? KEEP : KEEP_PAUSED);
    // A tenth at a time: cutting the front of an array costs as much for one line as for many.
    if (excess < KEEP / 10) return;
    let gone = 0;
    for (let i = 0; i < excess; i++) gone += this.#heights[i];
    this.#lines.splice(0, excess);
    this.#heights.splice(0, excess);
    this.#total -= gone;
    this.#dropped += excess;
    this.#release();
    if (!this.#following) this.element.scrollTop -= gone;
  }

  #measure() {
    const probe = h('div', { class: 'row probe' }, '0'.repeat(100));
    this.canvas.append(probe);
    const box = probe.getBoundingClientRect();
    this.#charWidth = box.width / 100 || 8;
    this.#rowHeight = Math.round(box.height) || 20;
    probe.remove();
    this.#columns = Math.max(10, Math.floor((this.element.clientWidth - 28) / this.#charWidth));
    this.#total = 0;
    for (let i = 0; i < this.#lines.length; i++) this.#total += this.#heights[i] = this.#estimate(this.#lines[i]);
    this.#release();
    this.#draw();
  }

  #estimate(line) {
    if (!this.#wrap || line.element || !this.#columns) return this.#rowHeight;
    const length = stripSGR(line.m).length + (this.#times ? GUTTER : 0);
    return Math.max(1, Math.ceil(length / this.#columns)) * this.#rowHeight;
  }

  #scrolled() {
    if (this.#moving) {
      this.#moving = false;
    } else {
      const el = this.element;
      const atEnd = el.scrollHeight - el.scrollTop - el.clientHeight < this.#rowHeight * 1.5;
      // Only somebody's hand ends following: growing content moves the end away by itself.
      if (atEnd && !this.#following && el.scrollTop > this.#lastTop) this.follow(true);
      else if (!atEnd && el.scrollTop < this.#lastTop) this.follow(false);
    }
    this.#lastTop = this.element.scrollTop;
    this.#draw();
  }

  #lastTop = 0;

  #paint() {
    const el = this.element;
    if (!el.clientHeight) return;
    this.canvas.style.height = `${this.#total}px`;
    if (this.#following) this.#toEnd();
    // An estimate that was wrong moves rows into sight whose own estimates are then tried.
    for (let again = 0; this.#paintRows() && again < 3; again++) {
      this.canvas.style.height = `${this.#total}px`;
      if (this.#following) this.#toEnd();
    }
  }

  #toEnd() {
    const el = this.element;
    const top = Math.max(0, this.#total + 16 - el.clientHeight);
    if (Math.abs(el.scrollTop - top) < 1) return;
    this.#moving = true;
    el.scrollTop = top;
    this.#lastTop = el.scrollTop;
  }

  // Places the rows in sight; says whether a real height differed from the estimate.
  #paintRows() {
    const el = this.element;
    const from = el.scrollTop - SPARE * this.#rowHeight;
    const to = el.scrollTop + el.clientHeight + SPARE * this.#rowHeight;
    let i = 0;
    let y = 0;
    if (this.#wrap) while (i < this.#lines.length && y + this.#heights[i] < from) y += this.#heights[i++];
    else {
      i = Math.max(0, Math.min(this.#lines.length, Math.floor(from / this.#rowHeight)));
      y = i * this.#rowHeight;
    }
    const wanted = [];
    for (; i < this.#lines.length && y < to; i++) {
      wanted.push({ i, y });
      y += this.#heights[i];
    }
    const keep = new Set(wanted.map((w) => this.#lines[w.i]));
    for (const [line, row] of this.#drawn) {
      if (keep.has(line)) continue;
      this.#drawn.delete(line);
      this.#pool.push(row);
    }
    for (const { i: index, y: top } of wanted) {
      const line = this.#lines[index];
      let row = this.#drawn.get(line);
      if (!row) {
        row = this.#pool.pop() ?? this.#newRow();
        this.#fill(row, line);
        this.#drawn.set(line, row);
      }
      const at = `translateY(${top}px)`;
      if (row.style.transform !== at) row.style.transform = at;
    }
    for (const row of this.#pool) if (!row.hidden) row.hidden = true;
    let corrected = false;
    if (this.#wrap) {
      for (const { i: index } of wanted) {
        const height = this.#drawn.get(this.#lines[index]).offsetHeight;
        if (!height || height === this.#heights[index]) continue;
        this.#total += height - this.#heights[index];
        this.#heights[index] = height;
        corrected = true;
      }
    }
    return corrected;
  }

  #newRow() {
    const row = h('div', { class: 'row' });
    this.canvas.append(row);
    return row;
  }

  #release() {
    this.#pool.push(...this.#drawn.values());
    this.#drawn.clear();
  }

  #fill(row, line) {
    row.hidden = false;
    row.className = `row ${line.class ?? ''}`;
    if (line.element) {
      row.replaceChildren(line.element());
      return;
    }
    const parts = this.#times ? [h('span', { class: 'gutter' }, (line.t ? clock(line.t) : '').padEnd(GUTTER))] : [];
    for (const { text, style } of parseSGR(line.m)) parts.push(...this.#styled(text, style));
    if (line.n) parts.push(h('span', { class: 'cut', title: 'The line was cut' }, ` … ${line.n.toLocaleString('en')} bytes in all`));
    row.replaceChildren(...parts);
  }

  #styled(text, style) {
    const pieces = this.#highlight ? split(text, this.#highlight) : [[text, false]];
    return pieces.map(([piece, hit]) => {
      if (!style && !hit) return piece;
      const el = document.createElement(hit ? 'mark' : 'span');
      el.textContent = piece;
      if (style) paint(el, style);
      return el;
    });
  }
}

function paint(el, style) {
  const [fg, bg] = style.inverse ? [style.bg ?? 'var(--log-bg)', style.fg ?? 'var(--log-fg)'] : [style.fg, style.bg];
  if (fg !== null) el.style.color = cssColour(fg);
  if (bg !== null) el.style.backgroundColor = cssColour(bg);
  if (style.bold) el.style.fontWeight = '600';
  if (style.dim) el.style.opacity = '0.7';
  if (style.italic) el.style.fontStyle = 'italic';
  const lines = [style.underline && 'underline', style.strike && 'line-through'].filter(Boolean);
  if (lines.length) el.style.textDecoration = lines.join(' ');
}

/** Cuts text into [piece, matches] pairs. Pure. */
export function split(text, regexp) {
  const pieces = [];
  let from = 0;
  for (const match of text.matchAll(regexp)) {
    if (match[0] === '' || pieces.length > 200) continue;
    if (match.index > from) pieces.push([text.slice(from, match.index), false]);
    pieces.push([match[0], true]);
    from = match.index + match[0].length;
  }
  if (from < text.length) pieces.push([text.slice(from), false]);
  return pieces;
}
