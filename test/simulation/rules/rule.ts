import type { Evidence } from '../evidence.ts';

/** A promise of the product that a call broke. */
export type Violation = {
  readonly rule: string;
  /** Since the phone began to ring. */
  readonly atMs: number;
  /** For people. */
  readonly what: string;
};

export type Rule = {
  /** As it stands in the output. */
  readonly name: string;
  readonly check: (evidence: Evidence) => readonly Omit<Violation, 'rule'>[];
};
