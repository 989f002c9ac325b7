// dom.js: making elements. Text always becomes text nodes, never markup.

/** An element with attributes, listeners (on…) and children; `test` is its data-testid. */
export function h(tag, props = {}, ...children) {
  const el = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) el.addEventListener(name.slice(2), value);
    else if (name === 'test') el.dataset.testid = value;
    else if (name === 'value') el.value = value;
    else el.setAttribute(name, value === true ? '' : String(value));
  }
  el.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
  return el;
}

/** Sets an element's text only if it differs, so that screen readers are not told twice. */
export function setText(el, text) {
  if (el.textContent !== text) el.textContent = text;
}

/** Calls `f` once before the next paint, however often it is asked to. */
export function perFrame(f) {
  let asked = 0;
  return () => {
    asked ||= requestAnimationFrame(() => {
      asked = 0;
      f();
    });
  };
}

/** A value that stays in this browser; storage may be forbidden. */
export function remembered(key, fallback) {
  try {
    return JSON.parse(localStorage.getItem(`pruvon.${key}`)) ?? fallback;
  } catch {
    return fallback;
  }
}

export function remember(key, value) {
  try {
    localStorage.setItem(`pruvon.${key}`, JSON.stringify(value));
  } catch {
    // Then it lasts until the reload.
  }
}
