/** What went wrong, for a person: an RFC 9457 document, or the like made up by the browser. */
export interface Problem {
  /** HTTP status; 0 when there was no answer. */
  status: number;
  /** The problem's short name: the end of its type URN, or "proxy", "network", "silent", "closed". */
  name: string;
  title: string;
  detail: string;
  /** What the operator can do about it; may be empty. */
  hint: string;
  /** True when something between the browser and the service answered. */
  proxy: boolean;
  /** WebSocket close code, where there was one. */
  code?: number;
  /** Seconds after which it is worth trying again. */
  retryAfter?: number;
}

export interface ConnectionState {
  name: 'connecting' | 'open' | 'waiting' | 'closed';
  /** Attempts since the connection was last up. */
  attempt: number;
  /** While waiting: when the next attempt starts, in ms since 1970. */
  retryAt: number;
  problem: Problem | null;
}

/** Replacements for what a browser gives, so that the modules run in a test. */
export interface Env {
  WebSocket?: typeof WebSocket;
  fetch?: typeof fetch;
  setTimeout?: (f: () => void, ms: number) => number;
  clearTimeout?: (timer: number) => void;
  now?: () => number;
  random?: () => number;
  window?: EventTarget | null;
  document?: (EventTarget & { visibilityState: string; baseURI: string }) | null;
}

export interface Handlers {
  open?(): void;
  message?(data: string | ArrayBuffer): void;
  close?(info: { code: number; reason: string; idle: number; problem: Problem }): { retry?: boolean; after?: number; problem?: Problem | null };
  state?(state: ConnectionState): void;
  countdown?(seconds: number): void;
  /** The page became visible or the network came back while the socket was up. */
  awake?(): void;
}

/** One logical connection over as many sockets as it takes. */
export class Connection {
  constructor(options: { url: () => string | URL; protocol?: string; handlers: Handlers; env?: Env });
  readonly state: ConnectionState;
  readonly idle: number;
  readonly hidden: boolean;
  /** What the browser gives, with the replacements in their places. */
  readonly env: Required<Env>;
  open(): void;
  send(data: string | ArrayBufferView): boolean;
  close(code?: number, reason?: string): void;
  drop(problem: Problem): void;
  redial(): void;
  retryNow(): void;
}

export function backoff(attempt: number, random?: () => number): number;
export function socketURL(url: string | URL, base?: string): URL;
export function randomID(): string;
export function readProblem(response: Pick<Response, 'status' | 'headers' | 'json'>): Promise<Problem>;
export function proxyProblem(status: number): Problem;
export function explainClose(info: { code: number; reason?: string; idle?: number }): Problem;
