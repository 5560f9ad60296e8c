import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Channel } from '#store/store.ts';
import {
  decideStatus,
  isStillNeeded,
  mergeSetup,
  restoringChange,
  retryDelayMs,
} from './decisions.ts';

const channel: Channel = {
  id: 'c',
  instanceId: 'i',
  tenantId: 't',
  provider: 'pipecat',
  agentId: null,
  phoneNumber: null,
  twilioAccountSid: 'AC1',
  twilioPhoneNumber: '+14155550123',
  secretsSet: ['openai_api_key'],
  enabled: true,
  status: 'active',
  errorMessage: null,
  wiring: { number: '+14155550123' },
  lastEventAt: null,
  createdAt: new Date(0),
  updatedAt: new Date(0),
};

describe('the status of a channel', () => {
  test('is incomplete while something is missing, and says what', () => {
    expect(decideStatus(['a key: x', 'a number'], undefined)).toEqual({
      status: 'incomplete',
      enabled: false,
      errorMessage: 'Missing: a key: x; a number',
    });
  });

  test('is pending while the other side cannot be reached, and calls that come are answered', () => {
    expect(decideStatus([], { kind: 'unreachable', message: 'down' })).toEqual({
      status: 'pending',
      enabled: true,
      errorMessage: 'down',
    });
  });

  test('is active when all is done, degraded with a warning, error when refused', () => {
    expect(decideStatus([], { kind: 'done', wiring: {} }).status).toBe('active');
    expect(decideStatus([], { kind: 'done', wiring: {}, warning: 'hm' })).toEqual({
      status: 'degraded',
      enabled: true,
      errorMessage: 'hm',
    });
    expect(decideStatus([], { kind: 'refused', field: 'f', message: 'no' })).toEqual({
      status: 'error',
      enabled: false,
      errorMessage: 'f: no',
    });
  });
});

describe('merging a setup', () => {
  test('a new channel is retell, with nothing in it', () => {
    const merged = mergeSetup('t', 'i', undefined, {}, { secrets: {} });
    expect(merged.provider).toBe('retell');
    expect(merged.channel).toMatchObject({ agentId: null, phoneNumber: null, wiring: {} });
    expect(merged.secrets).toEqual({});
  });

  test('what is absent stays, null takes away, a value replaces', () => {
    const merged = mergeSetup(
      't',
      'i',
      channel,
      { openai_api_key: 'a', deepgram_api_key: 'b', api_key: 'c' },
      { agentId: 'agent', secrets: { deepgram_api_key: null, api_key: 'd' } },
    );
    expect(merged.provider).toBe('pipecat');
    expect(merged.channel.twilioPhoneNumber).toBe('+14155550123');
    expect(merged.channel.agentId).toBe('agent');
    expect(merged.secrets).toEqual({ openai_api_key: 'a', api_key: 'd' });
  });

  test('wiring is carried on along the same line only', () => {
    const same = mergeSetup('t', 'i', channel, {}, { agentId: 'x', secrets: {} });
    const moved = mergeSetup('t', 'i', channel, {}, { twilioPhoneNumber: '+1', secrets: {} });
    const other = mergeSetup('t', 'i', channel, {}, { provider: 'retell', secrets: {} });
    expect(same.channel.wiring).toEqual(channel.wiring);
    expect(moved.channel.wiring).toEqual({});
    expect(other.channel.wiring).toEqual({});
  });
});

test('a restored channel has its old secrets, and loses those it did not have', () => {
  const change = restoringChange(
    channel,
    { openai_api_key: 'old' },
    { secrets: { openai_api_key: 'new', api_key: 'new' } },
  );
  expect(change.secrets).toEqual({ openai_api_key: 'old', api_key: null });
  expect(change).toMatchObject({ status: 'active', enabled: true, wiring: channel.wiring });
});

test('an undo is dropped when the channel uses its line, and only then', () => {
  const undo = { provider: channel.provider, line: channel, payload: {} };
  const other = { ...undo, line: { ...channel, twilioPhoneNumber: '+14155550199' } };
  expect(isStillNeeded(undo, undo)).toBe(true);
  expect(isStillNeeded(undo, other)).toBe(false);
  expect(isStillNeeded(undo, undefined)).toBe(false);
});

test('the wait between tries grows, has a jitter, and never passes five minutes', () => {
  fc.assert(
    fc.property(
      fc.nat(5_000),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (attempts, random) => {
        const delayMs = retryDelayMs(attempts, random);
        expect(delayMs).toBeGreaterThanOrEqual(1_000);
        expect(delayMs).toBeLessThanOrEqual(300_000);
        expect(retryDelayMs(attempts + 1, random)).toBeGreaterThanOrEqual(delayMs);
      },
    ),
  );
  expect(retryDelayMs(3, 0)).toBe(8_000);
  expect(retryDelayMs(3, 0.5)).toBe(12_000);
});
