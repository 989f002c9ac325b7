// sgr.js: colour sequences in log text as runs of classes. Pure; the server
// lets nothing through but TAB and SGR, and whatever else might come is left
// as the harmless text that it is.

const SGR = /\x1b\[([0-9;:]*)m/g;
const PLAIN = Object.freeze({ fg: null, bg: null, bold: false, dim: false, italic: false, underline: false, strike: false, inverse: false });

/** Splits a line into [{text, style}]; style is null for plain text. */
export function parseSGR(line) {
  if (!line.includes('\x1b')) return [{ text: line, style: null }];
  const runs = [];
  let style = PLAIN;
  let from = 0;
  const push = (text) => {
    if (text) runs.push({ text, style: style === PLAIN ? null : style });
  };
  for (const match of line.matchAll(SGR)) {
    push(line.slice(from, match.index));
    from = match.index + match[0].length;
    style = apply(style, match[1]);
  }
  push(line.slice(from));
  return runs;
}

/** The line without its colours. */
export function stripSGR(line) {
  return line.replace(SGR, '');
}

function apply(style, parameters) {
  const codes = parameters.replaceAll(':', ';').split(';').map((c) => (c === '' ? 0 : Number(c)));
  let s = { ...style };
  for (let i = 0; i < codes.length; i++) {
    const c = codes[i];
    if (c === 0) s = { ...PLAIN };
    else if (c === 1) s.bold = true;
    else if (c === 2) s.dim = true;
    else if (c === 3) s.italic = true;
    else if (c === 4) s.underline = true;
    else if (c === 7) s.inverse = true;
    else if (c === 9) s.strike = true;
    else if (c === 22) s.bold = s.dim = false;
    else if (c === 23) s.italic = false;
    else if (c === 24) s.underline = false;
    else if (c === 27) s.inverse = false;
    else if (c === 29) s.strike = false;
    else if (c >= 30 && c <= 37) s.fg = c - 30;
    else if (c === 39) s.fg = null;
    else if (c >= 40 && c <= 47) s.bg = c - 40;
    else if (c === 49) s.bg = null;
    else if (c >= 90 && c <= 97) s.fg = c - 82;
    else if (c >= 100 && c <= 107) s.bg = c - 92;
    else if (c === 38 || c === 48) {
      const [colour, used] = extended(codes, i + 1);
      if (colour !== null) s[c === 38 ? 'fg' : 'bg'] = colour;
      i += used;
    }
  }
  return Object.keys(PLAIN).every((k) => s[k] === PLAIN[k]) ? PLAIN : s;
}

// 5;n is one of 256 colours, 2;r;g;b a colour itself.
function extended(codes, at) {
  const byte = (n) => Number.isInteger(n) && n >= 0 && n <= 255;
  if (codes[at] === 5) return [byte(codes[at + 1]) ? codes[at + 1] : null, 2];
  if (codes[at] === 2) {
    const rgb = codes.slice(at + 1, at + 4);
    return [rgb.length === 3 && rgb.every(byte) ? `rgb(${rgb.join(',')})` : null, 4];
  }
  return [null, 0];
}

/** A palette index as a CSS colour: the first 16 are the theme's own. */
export function cssColour(colour) {
  if (typeof colour === 'string') return colour;
  if (colour < 16) return `var(--ansi-${colour})`;
  if (colour >= 232) {
    const level = 8 + (colour - 232) * 10;
    return `rgb(${level},${level},${level})`;
  }
  const n = colour - 16;
  const level = (v) => (v === 0 ? 0 : 55 + v * 40);
  return `rgb(${level(Math.floor(n / 36))},${level(Math.floor(n / 6) % 6)},${level(n % 6)})`;
}
