import type { Page } from 'playwright-core';
import type { Stage } from '#sandbox/demo/stage.ts';
import type { Looker } from './look.ts';

/** One page of a browser, and the way to it. */
export type Walk = {
  readonly page: Page;
  readonly stage: Stage;
  readonly looker: Looker;
  /** Goes by the page's own links, without loading anew. */
  readonly follow: (name: string) => Promise<void>;
  /** Notes what does not hold. */
  readonly expect: (holds: boolean, sentence: string) => void;
};
