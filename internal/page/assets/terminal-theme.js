// terminal-theme.js: xterm.js, loaded when the first terminal needs it, and its look.

let loading = null;

/** The xterm.js classes: {Terminal, FitAddon}. */
export function loadXterm() {
  loading ??= Promise.all([
    import('../xterm/xterm.js'),
    import('../xterm/addon-fit.js'),
    new Promise((resolve, reject) => {
      const link = document.createElement('link');
      link.rel = 'stylesheet';
      link.href = new URL('../xterm/xterm.css', import.meta.url).href;
      link.onload = resolve;
      link.onerror = () => reject(new Error('xterm.css is missing'));
      document.head.append(link);
    }),
  ]).then(([xterm, fit]) => ({
    Terminal: xterm.Terminal ?? globalThis.Terminal,
    FitAddon: fit.FitAddon ?? globalThis.FitAddon?.FitAddon,
  })).catch((err) => {
    loading = null;
    throw err;
  });
  return loading;
}

const dark = matchMedia('(prefers-color-scheme: dark)');

const names = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white',
  'brightBlack', 'brightRed', 'brightGreen', 'brightYellow', 'brightBlue', 'brightMagenta', 'brightCyan', 'brightWhite'];

/** The theme of the style sheet as xterm.js wants it. */
export function theme() {
  const css = getComputedStyle(document.documentElement);
  const value = (name) => css.getPropertyValue(name).trim();
  const t = {
    background: value('--term-bg'), foreground: value('--term-fg'), cursor: value('--accent-strong'), cursorAccent: value('--term-bg'),
    selectionBackground: value('--term-selection'), selectionInactiveBackground: value('--term-selection'),
    scrollbarSliderBackground: value('--scroll'), scrollbarSliderHoverBackground: value('--scroll-strong'), scrollbarSliderActiveBackground: value('--scroll-strong'),
  };
  names.forEach((name, i) => { t[name] = value(`--ansi-${i}`); });
  return t;
}

/** Calls `f` when the system changes between light and dark; returns how to stop. */
export function onTheme(f) {
  dark.addEventListener('change', f);
  return () => dark.removeEventListener('change', f);
}
