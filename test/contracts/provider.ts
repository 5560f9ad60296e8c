import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Applied, Provider, ProviderChannel, ProviderSecrets } from '#contracts/provider.ts';
import { secretFields } from '#protocol/voice-channel.ts';
import type { SecretField } from '#protocol/voice-channel.ts';

/** A provider, and the other side of it, on which a channel's number is used by somebody else so far. */
export type ProviderBench = {
  readonly provider: Provider;
  /** All that the provider needs, and a number. */
  readonly channel: ProviderChannel;
  readonly secrets: ProviderSecrets;
  /** The secret that opens the other side. */
  readonly key: SecretField;
  /** The field of the number. */
  readonly line: 'phone_number' | 'twilio_phone_number';
  /** The same channel with a number that the account does not have. */
  readonly foreign: ProviderChannel;
  /** All that the account has at the other side, as plain JSON. */
  snapshot(): unknown;
  /** Its owner has the number ring somewhere else, by hand. */
  takeOver(): void;
  /** From now on the other side does not answer, or does again. */
  setAway(isAway: boolean): void;
  close(): Promise<void>;
};

/** What every provider must do, whoever is at the other side. */
export function describeProvider(name: string, open: () => Promise<ProviderBench>): void {
  describe(name, () => {
    let bench: ProviderBench;
    let provider: Provider;
    beforeEach(async () => {
      bench = await open();
      ({ provider } = bench);
    });
    afterEach(() => bench.close());

    const apply = (
      wiring: ProviderChannel['wiring'] = {},
      remember?: Parameters<Provider['apply']>[2],
    ): Promise<Applied> => provider.apply({ ...bench.channel, wiring }, bench.secrets, remember);
    const wiringOf = (applied: Applied): ProviderChannel['wiring'] => {
      if (applied.kind !== 'done') throw new Error(`not done: ${applied.message}`);
      return applied.wiring;
    };
    const payloadOf = (wiring: ProviderChannel['wiring']) => {
      const payload = provider.undoPayload({ ...bench.channel, wiring }, bench.secrets);
      if (!payload) throw new Error('nothing to undo');
      // As it lies in the store until it is needed.
      return JSON.parse(JSON.stringify(payload));
    };
    const expectNoSecret = (value: unknown): void => {
      for (const secret of Object.values(bench.secrets))
        expect(JSON.stringify(value)).not.toContain(secret);
    };

    test('says what it needs, and that nothing is missing once it is there', () => {
      const fields = secretFields.filter((field) => field in bench.secrets);
      expect(provider.missing(bench.channel, []).join()).toContain(bench.key);
      expect(provider.missing(bench.channel, fields)).toEqual([]);
    });

    test('has a URL for each instance', () => {
      const { instanceId } = bench.channel;
      expect(provider.webhookUrl(instanceId)).toContain(`/hooks/voice/${instanceId}`);
    });

    test('does twice what it does once', async () => {
      const before = bench.snapshot();
      const wiring = wiringOf(await apply());
      const after = bench.snapshot();
      expect(after).not.toEqual(before);
      expect(wiringOf(await apply(wiring))).toEqual(wiring);
      expect(bench.snapshot()).toEqual(after);
    });

    test('puts all back as it was found, and can be told so twice', async () => {
      const before = bench.snapshot();
      const payload = payloadOf(wiringOf(await apply()));
      expect(await provider.undo(payload)).toMatchObject({ kind: 'done' });
      expect(bench.snapshot()).toEqual(before);
      expect(await provider.undo(payload)).toMatchObject({ kind: 'done' });
      expect(bench.snapshot()).toEqual(before);
    });

    test('has all remembered that it takes to put it back, before it changes anything', async () => {
      const before = bench.snapshot();
      const remembered: ProviderChannel['wiring'][] = [];
      await apply({}, async (wiring) => {
        if (remembered.length === 0) expect(bench.snapshot()).toEqual(before);
        remembered.push(wiring);
      });
      expectNoSecret(remembered);
      const last = remembered.at(-1);
      expect(last).toBeDefined();
      await provider.undo(payloadOf(last ?? {}));
      expect(bench.snapshot()).toEqual(before);
    });

    test('keeps no secret in its wiring', async () => {
      expectNoSecret(wiringOf(await apply()));
    });

    test('refuses a key that the other side refuses, on its field, and changes nothing', async () => {
      const before = bench.snapshot();
      const wrong = 'f'.repeat(32);
      const refused = await provider.apply(bench.channel, { ...bench.secrets, [bench.key]: wrong });
      expect(refused).toMatchObject({ kind: 'refused', field: bench.key });
      expect(JSON.stringify(refused)).not.toContain(wrong);
      expect(bench.snapshot()).toEqual(before);
    });

    test('refuses a number that the account does not have, on its field, and changes nothing', async () => {
      const before = bench.snapshot();
      expect(await provider.apply(bench.foreign, bench.secrets)).toMatchObject({
        kind: 'refused',
        field: bench.line,
      });
      expect(bench.snapshot()).toEqual(before);
    });

    test('is done later where the other side is away', async () => {
      bench.setAway(true);
      const away = await apply();
      expect(away).toMatchObject({ kind: 'unreachable' });
      expectNoSecret(away);
      bench.setAway(false);
      expect(await apply()).toMatchObject({ kind: 'done' });
    });

    test('is put back later where the other side is away', async () => {
      const before = bench.snapshot();
      const payload = payloadOf(wiringOf(await apply()));
      bench.setAway(true);
      expect(await provider.undo(payload)).toMatchObject({ kind: 'unreachable' });
      bench.setAway(false);
      expect(await provider.undo(payload)).toMatchObject({ kind: 'done' });
      expect(bench.snapshot()).toEqual(before);
    });

    test('leaves alone what somebody has changed since', async () => {
      const payload = payloadOf(wiringOf(await apply()));
      bench.takeOver();
      const taken = JSON.stringify(bench.snapshot());
      await provider.undo(payload);
      expect(taken).toContain(TAKEN_OVER_URL);
      expect(JSON.stringify(bench.snapshot())).toContain(TAKEN_OVER_URL);
    });

    test('has nothing to undo where nothing was done, or no key is left to do it with', async () => {
      expect(provider.undoPayload(bench.channel, bench.secrets)).toBeUndefined();
      const wiring = wiringOf(await apply());
      expect(provider.undoPayload({ ...bench.channel, wiring }, {})).toBeUndefined();
    });

    test('passes over an undo that it cannot read', async () => {
      expect(await provider.undo({ something: 'else' })).toMatchObject({ kind: 'done' });
    });
  });
}

/** Where a number rings that its owner has taken over by hand. */
export const TAKEN_OVER_URL = 'https://taken-over.example.test/';
