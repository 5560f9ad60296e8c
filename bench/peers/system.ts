import type { BenchCaller } from './caller.ts';

/** A voice server under test, running. */
export type SystemUnderTest = {
  readonly name: string;
  readonly version: string;
  /** Of the server's process; its children count with it. */
  readonly pid: number;
  /** Every setting that is no default, and how it runs; the reasons are in docs/peers.md. */
  readonly settings: Readonly<Record<string, string | number | boolean>>;
  /** Rings now; the caller tells what came of it. */
  dial(caller: BenchCaller): void;
  close(): Promise<void>;
};
