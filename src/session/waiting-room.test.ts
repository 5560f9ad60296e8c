import { expect, test } from 'vitest';
import type { Heard } from '#contracts/speech-to-text.ts';
import { silentLog } from '#lib/log.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import { agentConfigSchema } from '#protocol/agent-config.ts';
import { hearingWorld, sayNumbers } from '#test/support/hearing-links.ts';
import type { HearingManners } from '#test/support/hearing-links.ts';
import { fakeVendors } from '#test/support/session-world.ts';
import { createVendorPool } from './vendor-pool.ts';
import { createWaitingRoom } from './waiting-room.ts';

const CHANNEL = { tenantId: 'tenant', instanceId: 'instance' };
const SECRETS = { openai_api_key: 'key' };

function world(manners: HearingManners = {}) {
  const clock = virtualClock();
  const hearing = hearingWorld(clock);
  const link = hearing.link(manners);
  const fakes = fakeVendors(clock);
  const pool = createVendorPool({
    vendors: [
      {
        name: 'acme',
        credential: 'openai_api_key',
        defaultUrl: 'https://acme.test',
        speechToText: () => link.vendor,
        languageModel: () => fakes.model,
        textToSpeech: { open: () => fakes.speech, defaultVoice: 'v' },
      },
    ],
    urls: {},
    clock,
    log: silentLog,
  });
  return { clock, hearing, link, room: createWaitingRoom(pool, clock) };
}
const agent = (keyterms: string[] = []) => agentConfigSchema.parse({ voice: { keyterms } });
const options = { language: 'en', keyterms: [] };

test('a recogniser that is open before its call hears the call', async () => {
  const { clock, hearing, link, room } = world();
  room.prepare(agent(), SECRETS, CHANNEL);
  expect(hearing.open).toBe(1);
  await clock.advance(3_000);
  const { set, release } = room.take(agent(), SECRETS, CHANNEL);
  const heard: Heard[] = [];
  const stream = set.hearing.listen(options, (one) => heard.push(one));
  stream.write(sayNumbers([1, 2], 400));
  await clock.advance(1_000);
  expect(link.opened).toHaveLength(1);
  expect(heard.at(-1)).toMatchObject({ type: 'final', text: 'w1 w2' });
  stream.close();
  release();
  expect(hearing.open).toBe(0);
});

test('nobody comes: it is closed after a quarter of a minute', async () => {
  const { clock, hearing, room } = world();
  room.prepare(agent(), SECRETS, CHANNEL);
  await clock.advance(14_999);
  expect(hearing.open).toBe(1);
  await clock.advance(1);
  expect(hearing.open).toBe(0);
});

test('a brain that was changed meanwhile gets a recogniser of its own', () => {
  const { hearing, link, room } = world();
  room.prepare(agent(), SECRETS, CHANNEL);
  const { set } = room.take(agent(['Keller']), SECRETS, CHANNEL);
  expect(hearing.open).toBe(0);
  set.hearing.listen({ ...options, keyterms: ['Keller'] }, () => undefined).close();
  expect(link.opened).toHaveLength(2);
});

test('one that has failed meanwhile is not handed over', async () => {
  const { clock, link, room } = world({ refuses: true });
  room.prepare(agent(), SECRETS, CHANNEL);
  await clock.advance(100);
  const { set } = room.take(agent(), SECRETS, CHANNEL);
  set.hearing.listen(options, () => undefined);
  expect(link.opened).toHaveLength(2);
});

test('two calls at once have two, and a third opens its own', () => {
  const { link, room } = world();
  room.prepare(agent(), SECRETS, CHANNEL);
  room.prepare(agent(), SECRETS, CHANNEL);
  for (let call = 0; call < 3; call++)
    room.take(agent(), SECRETS, CHANNEL).set.hearing.listen(options, () => undefined);
  expect(link.opened).toHaveLength(3);
});

test('a room that is closed leaves nothing open', async () => {
  const { clock, hearing, room } = world();
  room.prepare(agent(), SECRETS, CHANNEL);
  room.close();
  expect(hearing.open).toBe(0);
  await clock.advance(20_000);
  expect(hearing.open).toBe(0);
});

test('who comes too late for a room that is closed leaves nothing open either', async () => {
  const { clock, hearing, room } = world();
  room.close();
  room.prepare(agent(), SECRETS, CHANNEL);
  expect([hearing.open, clock.pending]).toEqual([0, 0]);
});
