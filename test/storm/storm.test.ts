import { expect, test } from 'vitest';
import { runStorm } from './storm.ts';

test('a server that is killed meanwhile makes the right record of every call, and believes no forgery', async () => {
  const report = await runStorm({ calls: 25, events: 500, kills: 1, seed: 7, lengthMs: 15_000 });
  expect(report).toMatchObject({
    ok: true,
    calls: 25,
    events: 500,
    forged: 50,
    kills: 1,
    wrong: [],
    wrong_records: 0,
    forged_accepted: 0,
  });
}, 300_000);
