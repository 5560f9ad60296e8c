import type { Call } from '#protocol/calls.ts';
import type { Owner } from '#sandbox/demo/owner.ts';
import { eventually } from './eventually.ts';

/** The record of a call once the server has written all of it. */
export const endedRecord = ({ call }: Pick<Owner, 'call'>, callId: string): Promise<Call> =>
  eventually('the record to be complete', async () => {
    const found = await call(callId);
    return found.ended_at === null ? undefined : found;
  });
