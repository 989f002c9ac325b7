// icons.js: our own line icons on a 16×16 grid.

const paths = {
  terminal: 'M2.5 3.5h11a1 1 0 0 1 1 1v7a1 1 0 0 1-1 1h-11a1 1 0 0 1-1-1v-7a1 1 0 0 1 1-1zM4.5 6.2 6.6 8l-2.1 1.8M8.2 10h3',
  log: 'M3 3.5h10M3 6.5h7M3 9.5h10M3 12.5h5',
  import: 'M8 10.5v-8M5 5.2l3-3 3 3M2.5 9.5v3a1 1 0 0 0 1 1h9a1 1 0 0 0 1-1v-3',
  person: 'M8 8.2a2.7 2.7 0 1 0 0-5.4 2.7 2.7 0 0 0 0 5.4zM2.8 13.6c.6-2.3 2.6-3.6 5.2-3.6s4.6 1.3 5.2 3.6',
  route: 'M3.5 5.2a1.7 1.7 0 1 0 0-3.4 1.7 1.7 0 0 0 0 3.4zM12.5 14.2a1.7 1.7 0 1 0 0-3.4 1.7 1.7 0 0 0 0 3.4zM5.2 3.5h4.3a2.2 2.2 0 0 1 0 4.5h-3a2.2 2.2 0 0 0 0 4.5h4.3',
  close: 'M4 4l8 8M12 4l-8 8',
  plus: 'M8 3v10M3 8h10',
  menu: 'M2.5 4.5h11M2.5 8h11M2.5 11.5h11',
  lock: 'M4 7.2h8a.8.8 0 0 1 .8.8v4.7a.8.8 0 0 1-.8.8H4a.8.8 0 0 1-.8-.8V8a.8.8 0 0 1 .8-.8zM5.4 7V5a2.6 2.6 0 0 1 5.2 0v2',
  eye: 'M1.5 8S4 3.8 8 3.8 14.5 8 14.5 8 12 12.2 8 12.2 1.5 8 1.5 8zM8 9.8a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.6z',
  search: 'M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM10.4 10.4 14 14',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  play: 'M5 3.2v9.6L12.5 8z',
  wrap: 'M2.5 4h11M2.5 8h8.6a2 2 0 0 1 0 4H8.5M10 10.4 8.3 12l1.7 1.6M2.5 12h3',
  clock: 'M8 14a6 6 0 1 0 0-12 6 6 0 0 0 0 12zM8 4.8V8l2.2 1.6',
  download: 'M8 2.5v8M5 7.6l3 3 3-3M2.5 13.5h11',
  down: 'M8 3v9.5M4.2 8.8 8 12.6l3.8-3.8',
  retry: 'M13 8a5 5 0 1 1-1.6-3.7M13.2 2.2v2.9h-2.9',
  file: 'M4 1.8h5l3.2 3.2v8.4a.8.8 0 0 1-.8.8H4a.8.8 0 0 1-.8-.8V2.6a.8.8 0 0 1 .8-.8zM9 2v3.2h3',
  warn: 'M8 2.2 14.6 13.4H1.4zM8 6.4v3.2M8 11.5v.1',
  check: 'M3 8.4 6.4 12 13 4.6',
  smaller: 'M1.5 12.5 5 3.8h.7l3.5 8.7M2.8 9.6h5.1M11 8h4',
  larger: 'M1.5 12.5 5 3.8h.7l3.5 8.7M2.8 9.6h5.1M11 8h4M13 6v4',
  keyboard: 'M2 4h12a.8.8 0 0 1 .8.8v6.4a.8.8 0 0 1-.8.8H2a.8.8 0 0 1-.8-.8V4.8A.8.8 0 0 1 2 4zM4 6.6h.1M6.6 6.6h.1M9.3 6.6h.1M12 6.6h.1M4 9.4h.1M6 9.4h4M12 9.4h.1',
};

const NS = 'http://www.w3.org/2000/svg';

/** An icon by name, hidden from screen readers: whatever bears it has a label. */
export function icon(name, size = 16) {
  const svg = document.createElementNS(NS, 'svg');
  const attributes = { width: size, height: size, viewBox: '0 0 16 16', fill: 'none', stroke: 'currentColor', 'stroke-width': 1.4, 'stroke-linecap': 'round', 'stroke-linejoin': 'round', 'aria-hidden': 'true', class: 'icon' };
  for (const [k, v] of Object.entries(attributes)) svg.setAttribute(k, v);
  const path = document.createElementNS(NS, 'path');
  path.setAttribute('d', paths[name]);
  svg.append(path);
  return svg;
}
