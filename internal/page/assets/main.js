// main.js: starts the page and joins its pieces.
//
// For tests: `window.pruvon.terminal` is the xterm.js instance of the terminal
// in front (null when none is), so that its buffer can be read. Elements that
// tests may rely on carry these data-testid attributes:
//
//   terminal-open-NAME  log-open-NAME  import-open-NAME     entries of the menu
//   session-watch-ID    session-take-ID   session-end-ID    running sessions in the menu
//   tab-KIND-NAME       tab-close                           the strip of open views
//   terminal-view       terminal-status (data-state)        terminal-rtt      terminal-role
//   terminal-resumed    terminal-exit    terminal-banner    terminal-retry    terminal-take
//   log-lines           log-status (data-health)            log-follow        log-search
//   log-level           log-wrap         log-since          log-download      log-gap
//   log-times
//   import-file         import-start     import-cancel      import-retry      import-outcome
//   import-progress-upload               import-progress-import (progress elements)
//   import-bytes        import-stage     import-output      import-history
//   terminal-company    terminal-close   xterm-missing    whoami              problem
//   dialog              dialog-yes       dialog-no           dialog-end
//
// terminal-status, log-status and import-outcome carry their machine-readable
// word in data-state, data-health and data-outcome. Several views of one kind
// may be open: only the one in front is not hidden.

import { icon } from './icons.js';
import { Sidebar } from './sidebar.js';
import { Tabs } from './tabs.js';

const root = document.documentElement;

export const app = {
  title: root.dataset.title,
  parts: root.dataset.parts.split(' ').filter(Boolean),
  xterm: root.dataset.xterm === 'true',
};

window.pruvon = { terminal: null };
document.getElementById('stuck').remove();

const $ = (id) => document.getElementById(id);
$('menu').append(icon('menu', 20));

const tabs = new Tabs({ strip: $('tabs'), views: $('views'), app });
const sidebar = new Sidebar({ sections: $('sections'), foot: $('foot'), app, tabs });
app.tabs = tabs;
app.sidebar = sidebar;
sidebar.addEventListener('lists', () => {
  tabs.start.fill(sidebar, tabs);
  tabs.entitle((kind, name) => sidebar.title(kind, name));
});

function menu(open) {
  $('app').classList.toggle('menu-open', open);
  $('menu').setAttribute('aria-expanded', String(open));
  if (open) $('sidebar').querySelector('button, a')?.focus();
}

$('menu').addEventListener('click', () => menu(!$('app').classList.contains('menu-open')));
$('scrim').addEventListener('click', () => menu(false));
tabs.addEventListener('change', () => menu(false));
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && $('app').classList.contains('menu-open')) {
    menu(false);
    $('menu').focus();
  }
});

// Keys that work everywhere, in a terminal too: Ctrl+Shift+arrows.
document.addEventListener('keydown', (event) => {
  if (!event.ctrlKey || !event.shiftKey || event.altKey || event.metaKey) return;
  const act = {
    ArrowLeft: () => tabs.step(-1),
    ArrowRight: () => tabs.step(1),
    ArrowUp: () => tabs.focusStrip(),
    ArrowDown: () => tabs.focusView(),
  }[event.key];
  if (!act) return;
  event.preventDefault();
  event.stopPropagation();
  act();
}, true);

window.addEventListener('hashchange', () => tabs.follow(location.hash));
tabs.restore(location.hash);
sidebar.start();
