// session-end.js: ending a terminal session that may be open here, elsewhere or nowhere.

import { at, request } from './api.js';
import { confirm, toast } from './dialog.js';
import { ago } from './format.js';

/** What ends with a session, for a person who is about to end it. */
export function whatEnds(keepDaemons) {
  return keepDaemons
    ? 'Its programs end, background jobs included. Daemons that have left the session stay: keep_daemons is set for this terminal.'
    : 'Everything it has started ends with it, also in the background: what was begun with &, nohup or setsid.';
}

/** Asks, then ends a session of the list. Resolves when nothing of it runs any more, or when nothing was done. */
export async function endSession(session, title) {
  const { id, name, user, attached, started, keep_daemons: keepDaemons } = session;
  const here = attached > 0 ? `${attached} attached` : 'nobody attached';
  const yes = await confirm({
    title: `End the session of ${title}?`,
    text: [[user, here, `started ${ago(started)}`].filter(Boolean).join(' · '), whatEnds(keepDaemons), 'This cannot be undone.'],
    yes: 'End session', no: 'Keep it', danger: true,
  });
  if (!yes) return;
  try {
    await request('DELETE', `${at('terminals', name)}?session=${encodeURIComponent(id)}`);
  } catch (err) {
    // One that has ended meanwhile is what was wanted.
    if (err.problem?.status !== 404) toast(`The session was not ended: ${err.problem?.detail || err.message}`);
  }
}
