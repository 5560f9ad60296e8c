import { describe } from 'vitest';
import { openWorld } from '#test/support/store-world.ts';
import type { OpenDatabase } from '#test/support/store-world.ts';
import { callFiguresSuite } from './store-call-figures.ts';
import { callHistorySuite } from './store-call-history.ts';
import { callSuite } from './store-calls.ts';
import { channelSuite } from './store-channels.ts';
import { isolationSuite } from './store-isolation.ts';
import { providerCallSuite } from './store-provider-calls.ts';
import { secretSuite } from './store-secrets.ts';
import { tenantSuite } from './store-tenants.ts';
import { wiringJobSuite } from './store-wiring-jobs.ts';

/** What the store promises, whichever database is below it. */
export function storeSuite(name: string, open: OpenDatabase): void {
  describe(`the store on ${name}`, () => {
    describe('tenants, instances and API keys', () => tenantSuite(open));
    describe('channels', () => channelSuite(open));
    describe('secrets', () => secretSuite(open));
    describe('wiring jobs', () => wiringJobSuite(open));
    describe('calls, nodes and media tokens', () => callSuite(() => openWorld(open)));
    describe('calls over time, and their erasure', () => callHistorySuite(open));
    describe('the figures of many calls', () => callFiguresSuite(open));
    describe('calls that a provider carries', () => providerCallSuite(open));
    describe('isolation of tenants', () => isolationSuite(open));
  });
}
