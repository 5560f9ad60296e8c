import { beforeEach } from 'vitest';
import type { Role } from '#contracts/vendor.ts';

/** Which vendor a contract's test was about, in words a report can group by. */
export type ContractSubject = {
  readonly role: Role;
  readonly vendor: string;
  readonly model: string;
};

declare module 'vitest' {
  interface TaskMeta {
    contract?: ContractSubject;
  }
}

/**
 * Puts the vendor under test into the meta data of each test of the suite, as the opened vendor names
 * itself. `open` is called once for each test, after the suite's own `beforeEach`.
 */
export function tellSubject(
  role: Role,
  open: () => { readonly vendor: string; readonly model: string; close(): void },
): void {
  beforeEach(({ task }) => {
    const opened = open();
    task.meta.contract = { role, vendor: opened.vendor, model: opened.model };
    opened.close();
  });
}
