import type { Call } from '#protocol/calls.ts';

/** Calls as a whole, with what was said in them. */
export type CallRecordsStore = {
  get(tenantId: string, callId: string): Promise<Call | undefined>;
  /** In the order asked for; those that are not there are left out. */
  getMany(tenantId: string, callIds: readonly string[]): Promise<readonly Call[]>;
  /**
   * The ids of the calls that are live, and of those that ended at `endedSince` or later, but of
   * these only the `endedMax` that ended last: `endedSince` is answered as far back as that is
   * complete. Without it: live ones only.
   */
  current(
    tenantId: string,
    instanceId: string,
    range: { readonly endedSince: Date | undefined; readonly endedMax: number },
  ): Promise<{ readonly callIds: readonly string[]; readonly endedSince: Date | undefined }>;
};
