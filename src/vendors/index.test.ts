import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { silentLog } from '#lib/log.ts';
import { secretFields } from '#protocol/voice-channel.ts';
import { vendorByName, vendors } from './index.ts';

/** Runs in our own process, needs no key, and so is no vendor to choose. */
const WITHOUT_KEY = ['silero'];

test('every folder is a vendor of the registry', () => {
  const folders = readdirSync(new URL('.', import.meta.url), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !WITHOUT_KEY.includes(entry.name))
    .map((entry) => entry.name);
  expect(vendors.map(({ name }) => name).toSorted()).toEqual(folders.toSorted());
  expect(vendorByName.size).toBe(vendors.length);
});

test.each(vendors.map((vendor) => [vendor.name, vendor] as const))(
  '%s is complete: a key’s field, an address, and roles that know their vendor',
  (name, vendor) => {
    expect(secretFields).toContain(vendor.credential);
    const url = new URL(vendor.defaultUrl);
    expect(url.protocol).toBe('https:');
    expect(vendor.defaultUrl).not.toMatch(/\/$/);
    const options = {
      apiKey: 'a-key-0123456789',
      baseUrl: vendor.defaultUrl,
      clock: systemClock,
      log: silentLog,
    };
    const roles = [
      vendor.speechToText?.(options),
      vendor.languageModel?.(options),
      vendor.textToSpeech?.open(options),
    ].filter((role) => role !== undefined);
    expect(roles.length).toBeGreaterThan(0);
    for (const role of roles) {
      expect(role.vendor).toBe(name);
      expect(role.model).not.toBe('');
      role.close();
    }
    if (vendor.textToSpeech) expect(vendor.textToSpeech.defaultVoice).not.toBe('');
  },
);

test('a model of the owner’s choice goes before the default', () => {
  const hearing = vendorByName.get('deepgram')?.speechToText?.({
    apiKey: 'a-key-0123456789',
    baseUrl: 'https://api.deepgram.com',
    clock: systemClock,
    log: silentLog,
    language: 'en',
    model: 'nova-3-medical',
  });
  expect(hearing?.model).toBe('nova-3-medical');
  expect(hearing?.can).toEqual({ endOfTurn: false, finalize: true });
  hearing?.close();
});
