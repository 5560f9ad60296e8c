import { describe, expect, test } from 'vitest';
import { callsSummarySchema } from '#protocol/calls-summary.ts';
import type { CallsSummary } from '#protocol/calls-summary.ts';
import { agentOf } from '#test/support/api-agent.ts';
import { apiForFile } from '#test/support/api-for-file.ts';
import { newCall, newTurn } from '#test/support/store-world.ts';

const api = apiForFile();

const HOUR_MS = 3_600_000;
const EIGHT_MS = Date.UTC(2026, 10, 20, 8);

/** An agent with a call at eight, and one an hour later that a vendor failed. */
async function agentWithCalls(scopes?: readonly string[]) {
  const { tenantId, instance, request } = await agentOf(api, scopes);
  for (const [hour, reason] of [
    [0, 'caller_hangup'],
    [1, 'vendor_failure'],
  ] as const) {
    const startedAt = new Date(EIGHT_MS + hour * HOUR_MS);
    const call = newCall(instance, { startedAt });
    await api.store.calls.begin(call);
    await api.store.calls.record(tenantId, call.id, {
      turns: [newTurn(0, { waterfall_ms: { played: 700 + hour } })],
      journal:
        hour === 1
          ? [{ atMs: 9, type: 'vendor-failed', role: 'text-to-speech', vendor: 'cartesia' }]
          : [],
    });
    const at = new Date(startedAt.getTime() + 90_000);
    await api.store.calls.end(tenantId, call.id, { reason, detail: null, at });
  }
  const path = `/v1/instances/${instance.id}/calls/summary`;
  return { path, ask: (query: string) => request('GET', `${path}${query}`) };
}

const MORNING = '?started_after=2026-11-20T08:00:00Z&started_before=2026-11-20T10:30:00%2B00:00';

describe('the summary of an agent’s calls', () => {
  test('has what they come to in all and in each part of the time', async () => {
    const { ask } = await agentWithCalls(['instances:read']);
    const { status, body } = await ask(MORNING);
    expect(status).toBe(200);
    const summary: CallsSummary = callsSummarySchema.parse(body);
    expect(summary).toMatchObject({
      started_after: '2026-11-20T08:00:00.000Z',
      started_before: '2026-11-20T10:30:00.000Z',
      interval_seconds: 3_600,
      total: {
        calls: 2,
        minutes: 3,
        voice_to_voice_ms: { answers: 2, p50: 700, p95: 701 },
        end_reasons: { caller_hangup: 1, vendor_failure: 1 },
        vendor_failures: [{ role: 'text-to-speech', vendor: 'cartesia', failures: 1 }],
      },
    });
    expect(summary.buckets.map(({ started_after, calls }) => [started_after, calls])).toEqual([
      ['2026-11-20T08:00:00.000Z', 1],
      ['2026-11-20T09:00:00.000Z', 1],
      ['2026-11-20T10:00:00.000Z', 0],
    ]);
    expect(summary.buckets[1]).toMatchObject({
      end_reasons: { vendor_failure: 1 },
      vendor_failures: [{ failures: 1 }],
    });
  });

  test('is of the last 24 hours where no time is asked for', async () => {
    const { ask } = await agentWithCalls();
    const summary = callsSummarySchema.parse((await ask('')).body);
    expect(summary.buckets).toHaveLength(24);
    expect(Date.parse(summary.started_before) - Date.parse(summary.started_after)).toBe(
      24 * HOUR_MS,
    );
  });

  test.each([
    ['?interval_seconds=59', 'interval_seconds'],
    ['?interval_seconds=2678401', 'interval_seconds'],
    ['?interval_seconds=soon', 'interval_seconds'],
    ['?started_after=2026-11-20T08:00:00', 'started_after'],
    ['?started_before=tomorrow', 'started_before'],
    ['?started_after=2026-11-20T08:00:00Z&started_before=2026-11-20T08:00:00Z', 'started_after'],
    ['?started_after=2020-01-01T00:00:00Z', 'interval_seconds'],
    ['?colour=blue', 'colour'],
  ])('is refused with the field that is wrong: %s', async (query, field) => {
    const { ask } = await agentWithCalls();
    expect(await ask(query)).toMatchObject({
      status: 422,
      body: { detail: [expect.objectContaining({ loc: ['query', field] })] },
    });
  });

  test('says how long the parts of a long time must be, and takes that', async () => {
    const { ask } = await agentWithCalls();
    const year = '?started_after=2025-11-20T00:00:00Z&started_before=2026-11-20T00:00:00Z';
    const { body } = await ask(year);
    expect(JSON.stringify(body)).toContain('at least 31536 seconds long');
    const summary = callsSummarySchema.parse((await ask(`${year}&interval_seconds=31536`)).body);
    expect(summary.buckets).toHaveLength(1_000);
  });

  test('needs the right to read, and is of one’s own agents only', async () => {
    const { path, ask } = await agentWithCalls(['instances:write']);
    expect(await ask('')).toMatchObject({ status: 403 });
    const stranger = api.as((await api.tenant()).key);
    expect(await stranger('GET', path)).toMatchObject({
      status: 404,
      body: { detail: 'Instance not found' },
    });
  });
});
