// format.js: numbers and times as people read them. Pure.

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

export function bytes(n) {
  if (!Number.isFinite(n)) return '–';
  let unit = 0;
  while (Math.abs(n) >= 1023.95 && unit < UNITS.length - 1) {
    n /= 1024;
    unit++;
  }
  return `${unit === 0 ? n : n < 9.995 ? n.toFixed(2) : n < 99.95 ? n.toFixed(1) : Math.round(n)} ${UNITS[unit]}`;
}

/** A duration in seconds: "0.4 s", "8 s", "4 min 10 s", "2 h 5 min". */
export function duration(seconds) {
  if (!Number.isFinite(seconds)) return '–';
  if (seconds < 0.95) return seconds < 0.095 ? 'under 0.1 s' : `${seconds.toFixed(1)} s`;
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return s % 60 ? `${Math.floor(s / 60)} min ${s % 60} s` : `${s / 60} min`;
  const m = Math.round(s / 60);
  if (m < 48 * 60) return m % 60 ? `${Math.floor(m / 60)} h ${m % 60} min` : `${m / 60} h`;
  return `${Math.round(m / 1440)} days`;
}

/** How long ago, coarsely: "just now", "5 min ago". */
export function ago(time, now = Date.now()) {
  const at = new Date(time).getTime();
  if (!Number.isFinite(at)) return '';
  const s = (now - at) / 1000;
  if (s < 45) return 'just now';
  if (s < 3600) return `${Math.max(1, Math.round(s / 60))} min ago`;
  if (s < 48 * 3600) return `${Math.round(s / 3600)} h ago`;
  return `${Math.round(s / 86400)} days ago`;
}

export function count(n, one, many = `${one}s`) {
  return `${n.toLocaleString('en')} ${n === 1 ? one : many}`;
}

/** The local time of day of an RFC 3339 time, with milliseconds where it has them. */
export function clock(time) {
  const d = new Date(time);
  if (Number.isNaN(d.getTime())) return '';
  const two = (n) => String(n).padStart(2, '0');
  const ms = d.getMilliseconds();
  return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}${ms ? `.${String(ms).padStart(3, '0')}` : ''}`;
}

export function dateTime(time) {
  const d = new Date(time);
  return Number.isNaN(d.getTime()) ? '' : d.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
}

/** How a process ended: "status 0", "signal KILL". */
export function exitStatus(exit) {
  if (!exit) return '';
  if (exit.signal) return `signal ${exit.signal}`;
  return exit.code === null || exit.code === undefined ? '' : `status ${exit.code}`;
}
