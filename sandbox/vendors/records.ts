/** A WebSocket that was opened to the vendor. */
export type ConnectionRecord = {
  readonly id: number;
  readonly path: string;
  readonly openedAtMs: number;
  /** Undefined while open. */
  readonly closedAtMs: number | undefined;
  /** As the WebSocket protocol numbers it; 1006 when it was cut. */
  readonly closeCode: number | undefined;
};

/** One HTTP request or WebSocket handshake. Never holds a header: keys travel there. */
export type RequestRecord = {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly atMs: number;
  /** 101 for a handshake that became a WebSocket; undefined while, or if never, answered. */
  readonly status: number | undefined;
  /** The client went away before the answer was complete. */
  readonly aborted: boolean;
};

/** A record while it is being written. */
export type Mutable<T> = { -readonly [K in keyof T]: T[K] };
