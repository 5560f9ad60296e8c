import { describe, expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { policyWith, talk } from '#test/support/conversation.ts';
import { journalOf } from '#test/support/recorded-talk.ts';
import { createReplayThread } from './replay-thread.ts';

const call = talk(policyWith({}), { thoughts: ['Of course.'] });
call.say('I want a table.');
call.send({ type: 'closed', by: 'caller' });
const JOB = {
  callId: 'call',
  entries: journalOf(call),
  turns: [],
  policyOfToday: undefined,
  changes: [],
};

describe('the thread that replays calls', () => {
  test('ends a replay that takes too long, and goes on with the next one', async () => {
    let limits = 0;
    const thread = createReplayThread({
      after(delayMs, fire) {
        limits += 1;
        // The first replay is out of time at once.
        return limits === 1 ? systemClock.after(0, fire) : systemClock.after(delayMs, fire);
      },
    });
    const [first, second] = await Promise.allSettled([thread.run(JOB), thread.run(JOB)]);
    expect(first).toMatchObject({ reason: { code: 'conflict' } });
    expect(second).toMatchObject({ value: { report: { ok: true } } });
  });

  test('refuses what would make too many wait', async () => {
    const thread = createReplayThread(systemClock);
    const asked = await Promise.allSettled(Array.from({ length: 12 }, () => thread.run(JOB)));
    const refused = asked.filter(({ status }) => status === 'rejected');
    expect(refused).toHaveLength(3);
    expect(refused[0]).toMatchObject({ reason: { code: 'unavailable' } });
    expect(await thread.run(JOB)).toMatchObject({ report: { ok: true } });
  });

  test('refuses a journal that is too long before it copies it', async () => {
    const entries = Array.from({ length: 200_001 }, () => undefined);
    const thread = createReplayThread(systemClock);
    await expect(thread.run({ ...JOB, entries })).rejects.toMatchObject({ code: 'conflict' });
  });
});
