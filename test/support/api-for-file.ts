import { afterAll, beforeAll } from 'vitest';
import { openTestApi } from './api.ts';
import type { TestApi } from './api.ts';
import { openTestStore } from './store.ts';

/** The API over a store, open while the tests of a file run. To be called where tests are defined. */
export function apiForFile(): Pick<TestApi, 'as' | 'tenant' | 'store'> {
  let api: TestApi | undefined;
  const opened = (): TestApi => {
    if (!api) throw new Error('the API is open while tests run');
    return api;
  };
  beforeAll(async () => {
    api = await openTestApi(await openTestStore());
  });
  afterAll(async () => {
    await api?.app.close();
    await api?.store.close();
  });
  return {
    get store() {
      return opened().store;
    },
    as: (key) => opened().as(key),
    tenant: (scopes) => opened().tenant(scopes),
  };
}
