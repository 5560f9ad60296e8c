import { describe, expect, test } from 'vitest';
import type { SpeakOptions, Spoken } from '#contracts/text-to-speech.ts';
import type { RoleOptions, VendorSpec } from '#contracts/vendor-spec.ts';
import { silentLog } from '#lib/log.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import { agentConfigSchema } from '#protocol/agent-config.ts';
import type { AgentConfig } from '#protocol/agent-config.ts';
import type { SecretField } from '#protocol/voice-channel.ts';
import type { Secrets } from '#store/store.ts';
import { failureOf, fakeVendors, newClock } from '#test/support/session-world.ts';
import { createVendorPool } from './vendor-pool.ts';

function world() {
  const opened: string[] = [];
  const closed: string[] = [];
  const played = fakeVendors(newClock());
  const speakingAs: string[] = [];
  const fakes = {
    ...played,
    speakingAs,
    speech: {
      ...played.speech,
      speak(options: SpeakOptions, on: (spoken: Spoken) => void) {
        speakingAs.push(options.voice);
        return played.speech.speak(options, on);
      },
    },
  };
  const open =
    <Vendor extends object>(role: string, name: string, vendor: Vendor) =>
    (options: RoleOptions) => {
      const what = `${name} ${role} ${options.model ?? 'default'} ${options.baseUrl}`;
      opened.push(what);
      return { ...vendor, close: () => void closed.push(what) };
    };
  const spec = (name: string, credential: SecretField): VendorSpec => ({
    name,
    credential,
    defaultUrl: `https://${name}.test`,
    speechToText: open('stt', name, fakes.hearing),
    languageModel: open('llm', name, fakes.model),
    textToSpeech: { open: open('tts', name, fakes.speech), defaultVoice: `${name}-voice` },
  });
  const clock = virtualClock();
  const faults: string[] = [];
  const pool = createVendorPool({
    vendors: [spec('one', 'deepgram_api_key'), spec('two', 'openai_api_key')],
    urls: { two: 'http://localhost:1' },
    clock,
    log: silentLog,
    onKeyFault: ({ instanceId, field }) => void faults.push(`${instanceId} ${field}`),
  });
  const acquire = (agent: AgentConfig, secrets: Secrets) =>
    pool.acquire(agent, secrets, { tenantId: 'tenant', instanceId: 'instance' });
  return { pool, acquire, clock, opened, closed, faults, fakes };
}
const NOTHING_ASKED = { systemPrompt: '', context: [], tools: [], maxOutputTokens: 1 };
const agent = (voice: object = {}) => agentConfigSchema.parse({ voice });

describe('the vendor pool', () => {
  test('takes the first vendor that has a key, at its own address', () => {
    const { acquire, opened } = world();
    const { set } = acquire(agent(), { openai_api_key: 'k' });
    expect(opened).toEqual([
      'two stt default http://localhost:1',
      'two llm default http://localhost:1',
      'two tts default http://localhost:1',
    ]);
    expect(set.voice).toBe('two-voice');
  });

  test('opens language models alone for a call that somebody else hears and speaks', () => {
    const { pool, opened } = world();
    const channel = { tenantId: 'tenant', instanceId: 'instance' };
    const acquired = pool.acquireModel(agent(), { openai_api_key: 'k' }, channel);
    expect(opened).toEqual(['two llm default http://localhost:1']);
    expect(acquired.model.vendor).toBe('fake-brain');
    expect(() => pool.acquireModel(agent(), {}, channel)).toThrow(
      'no language model vendor has a key',
    );
  });

  test('keeps to the order, models and voice of the agent', () => {
    const { acquire, opened } = world();
    const { set } = acquire(
      agent({
        llm: ['two', 'one'],
        vendors: { two: { llm_model: 'large' }, one: { voice: 'deep' } },
      }),
      { deepgram_api_key: 'k', openai_api_key: 'k' },
    );
    expect(opened.filter((what) => what.includes('llm'))).toEqual([
      'two llm large http://localhost:1',
      'one llm default https://one.test',
    ]);
    expect(set.voice).toBe('deep');
  });

  test('calls with the same key share a vendor; another key gets its own', () => {
    const { acquire, opened } = world();
    acquire(agent(), { deepgram_api_key: 'k' });
    acquire(agent(), { deepgram_api_key: 'k' });
    expect(opened).toHaveLength(3);
    acquire(agent(), { deepgram_api_key: 'other' });
    expect(opened).toHaveLength(6);
  });

  test('what no call has used for five minutes is closed, and not before', async () => {
    const { acquire, clock, closed, opened } = world();
    const first = acquire(agent(), { deepgram_api_key: 'k' });
    const second = acquire(agent(), { deepgram_api_key: 'k' });
    first.release();
    first.release();
    await clock.advance(600_000);
    expect(closed).toEqual([]);
    second.release();
    await clock.advance(299_000);
    expect(closed).toEqual([]);
    await clock.advance(2_000);
    expect(closed).toHaveLength(3);
    acquire(agent(), { deepgram_api_key: 'k' });
    expect(opened).toHaveLength(6);
  });

  test('says which role has no vendor', () => {
    const { acquire } = world();
    expect(() => acquire(agent(), {})).toThrow('no speech-to-text vendor has a key');
    expect(() => acquire(agent({ tts: ['one'] }), { openai_api_key: 'k' })).toThrow(
      'no text-to-speech vendor has a key',
    );
  });

  test('a key that is refused in one call is passed over in the next, and its owner is told once', async () => {
    const { acquire, fakes, opened, faults, clock } = world();
    const keys = { deepgram_api_key: 'k', openai_api_key: 'l' };
    const first = acquire(agent(), keys);
    first.set.model.think(NOTHING_ASKED, () => undefined);
    fakes.think({ type: 'failed', failure: { ...failureOf('language-model'), code: 'refused' } });
    expect(faults).toEqual(['instance deepgram_api_key']);
    const second = acquire(agent(), keys);
    second.set.speech.speak({ voice: '', language: 'en' }, () => undefined);
    expect(opened).toHaveLength(6);
    expect(fakes.speakingAs).toEqual(['two-voice']);
    await clock.advance(60_000);
    acquire(agent(), keys).set.speech.speak({ voice: '', language: 'en' }, () => undefined);
    expect(fakes.speakingAs).toEqual(['two-voice', 'one-voice']);
    expect(faults).toHaveLength(1);
  });

  test('tries every key that is given, whatever the order of the agent', async () => {
    const { pool } = world();
    const keys = { deepgram_api_key: 'k', openai_api_key: 'l' };
    expect(await pool.check(agent({ llm: ['two'] }), keys)).toEqual([]);
  });
});
