// api.js: plain requests to the service, with errors that can be shown.

import { readProblem } from '../connect.js';

/** An address of the service, relative to the page. */
export function at(...segments) {
  return new URL(segments.map(encodeURIComponent).join('/'), document.baseURI).href;
}

/** The JSON at an address; rejects with an Error that has a `problem`. */
export async function getJSON(url) {
  return (await request('GET', url)).json();
}

/** Sends a request without a body; rejects with an Error that has a `problem`. */
export async function request(method, url) {
  let response;
  try {
    response = await fetch(url, { method, headers: { Accept: 'application/json, application/problem+json' }, cache: 'no-store' });
  } catch {
    throw withProblem({ status: 0, title: 'No connection', detail: 'The server cannot be reached.', hint: '' });
  }
  if (!response.ok) throw withProblem(await readProblem(response));
  return response;
}

function withProblem(problem) {
  return Object.assign(new Error(problem.title), { problem });
}
