import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import type { ChannelChange, Store } from '#store/store.ts';
import { openHooks } from './hooks.ts';
import type { HooksRig } from './hooks.ts';
import { openTestStore } from './store.ts';

/** What the tests of a file share, and what is each one's own. */
export type HooksForEach = {
  /** One for all tests of the file. */
  readonly store: Store;
  /** Of the test that runs: a new instance. */
  readonly rig: HooksRig;
  /** What this node says of itself; true at the beginning of each test. */
  isReady: boolean;
  hasRoom: boolean;
};

/** Opens the hooks for each test of a file, over one store. To be called where tests are defined. */
export function hooksForEach(channel?: ChannelChange): HooksForEach {
  let store: Store | undefined;
  let rig: HooksRig | undefined;
  const hooks = {
    get store() {
      return opened(store);
    },
    get rig() {
      return opened(rig);
    },
    isReady: true,
    hasRoom: true,
  };
  beforeAll(async () => {
    store = await openTestStore();
  });
  afterAll(() => store?.close());
  beforeEach(async () => {
    hooks.isReady = true;
    hooks.hasRoom = true;
    rig = await openHooks({
      store: hooks.store,
      ready: () => hooks.isReady,
      hasRoom: () => hooks.hasRoom,
      ...(channel && { channel }),
    });
  });
  afterEach(() => rig?.close());
  return hooks;
}

function opened<Part>(part: Part | undefined): Part {
  if (part === undefined) throw new Error('hooks are open while tests run');
  return part;
}
