import { describe, expect, test } from 'vitest';
import { replayBasisSchema, replayReportSchema } from '#protocol/replay.ts';
import type { JournalEntry } from '#store/store.ts';
import { agentOf } from '#test/support/api-agent.ts';
import { apiForFile } from '#test/support/api-for-file.ts';
import { policyWith, talk } from '#test/support/conversation.ts';
import { journalOf } from '#test/support/recorded-talk.ts';
import { newCall } from '#test/support/store-world.ts';

const api = apiForFile();

/** A call with one question, answered 1,070 ms after it. */
const spoken = talk(policyWith({ speculation: false }), { thoughts: ['Of course.'] });
spoken.say('I want a table.');
spoken.wait(4_000);
spoken.send({ type: 'closed', by: 'caller' });
const JOURNAL = journalOf(spoken);

const isEntry = (entry: unknown): entry is JournalEntry =>
  typeof entry === 'object' && entry !== null && 'atMs' in entry;

async function callWith(entries: readonly unknown[], scopes?: readonly string[]) {
  const { tenantId, instance, request } = await agentOf(api, scopes);
  const call = newCall(instance);
  await api.store.calls.begin(call);
  await api.store.calls.record(tenantId, call.id, { turns: [], journal: entries.filter(isEntry) });
  const url = `/v1/calls/${call.id}/replay`;
  return {
    callId: call.id,
    url,
    asItWas: () => request('GET', url),
    /** @param policy the patch */
    replay: (policy: unknown) => request('POST', url, { policy }),
  };
}

describe('a call that is replayed', () => {
  test('as it was is the same on today’s code, and tells the settings it ran with', async () => {
    const { callId, asItWas } = await callWith(JOURNAL, ['instances:read']);
    const { status, body } = await asItWas();
    expect(status).toBe(200);
    const { report, refusal, settings } = replayBasisSchema.parse(body);
    expect(report).toMatchObject({ ok: true, call_id: callId, differences: [], what_if: null });
    expect(refusal).toBeNull();
    expect(settings).toContainEqual({
      path: 'endpointing.silenceMs',
      about: expect.any(String),
      kind: 'ms',
      min: 100,
      max: 5_000,
      was: 500,
    });
    expect(settings.find(({ path }) => path === 'speculation')).toMatchObject({ was: false });
    expect(settings.map(({ path }) => path)).not.toContain('sound');
  });

  test('with another policy tells turn by turn what would have been, and the latency', async () => {
    const { callId, replay } = await callWith(JOURNAL, ['instances:read']);
    const { status, body } = await replay({ endpointing: { silenceMs: 300 } });
    expect(status).toBe(200);
    expect(replayReportSchema.parse(body)).toMatchObject({
      ok: false,
      call_id: callId,
      what_if: {
        policy: [{ path: 'endpointing.silenceMs', was: 500, would_be: 300 }],
        turns: [
          { verdict: 'same', role: 'caller', was: { text: 'I want a table.' } },
          {
            verdict: 'changed',
            role: 'agent',
            was: { waterfall_ms: { played: 1_070 } },
            would_be: { waterfall_ms: { played: 870 }, heard: 'Of course.' },
            latency_change_ms: -200,
            assumptions: [],
          },
        ],
        voice_to_voice_ms: { answers: 1, was_p50: 1_070, would_be_p50: 870, change_mean: -200 },
        end: { was: 'caller_hangup', would_be: 'caller_hangup' },
      },
    });
  });

  test('with several settings at once, of every kind', async () => {
    const { replay } = await callWith(JOURNAL);
    const { body } = await replay({
      speculation: true,
      idle: { prompts: ['Hello?'], goodbye: 'Bye.' },
      endpointing: { silenceMs: 400 },
    });
    expect(Object(body).what_if.policy.map(({ path }: { path: string }) => path)).toEqual([
      'endpointing.silenceMs',
      'idle.prompts',
      'idle.goodbye',
      'speculation',
    ]);
  });

  test.each([
    [{}, ['body', 'policy'], /at least one setting/],
    [{ endpointing: {} }, ['body', 'policy'], /at least one setting/],
    [{ endpointing: { silenceMs: 50 } }, ['body', 'policy', 'endpointing', 'silenceMs'], /100/],
    [{ endpointing: { silenceMs: '300' } }, ['body', 'policy', 'endpointing', 'silenceMs'], /./],
    [{ endpointing: { silence: 300 } }, ['body', 'policy', 'endpointing', 'silence'], /Extra/],
    [{ speculation: 'yes' }, ['body', 'policy', 'speculation'], /bool/],
    [{ sound: 'theirs' }, ['body', 'policy', 'sound'], /Extra/],
    [{ idle: { prompts: [1] } }, ['body', 'policy', 'idle', 'prompts', 0], /string/],
    [undefined, ['body', 'policy'], /required/],
  ])('is refused with the setting that is wrong: %j', async (policy, loc, why) => {
    const { replay } = await callWith(JOURNAL);
    expect(await replay(policy)).toMatchObject({
      status: 422,
      body: { detail: [expect.objectContaining({ loc, msg: expect.stringMatching(why) })] },
    });
  });

  test('whose journal is of a newer program, or is none, says so', async () => {
    const newer = JOURNAL.map((entry, at) =>
      at === 0 ? { ...Object(entry), version: 99 } : entry,
    );
    for (const [entries, why] of [
      [newer, /^The journal has version 99, of program .*; this one reads up to 1/],
      [[], /^The call has no journal/],
      [JOURNAL.slice(0, 1), /^The journal does not begin with the answer/],
    ] as const) {
      const { asItWas, replay } = await callWith(entries);
      const refused = { status: 409, body: { detail: expect.stringMatching(why) } };
      expect(await asItWas()).toMatchObject(refused);
      expect(await replay({ speculation: true })).toMatchObject(refused);
    }
  });

  test('whose sound was its provider’s can be replayed as it was, and says why not otherwise', async () => {
    const theirs = talk(policyWith({ sound: 'theirs' }));
    theirs.send({ type: 'closed', by: 'caller' });
    const { asItWas, replay } = await callWith(journalOf(theirs));
    const why = expect.stringContaining('the provider heard, spoke and took turns itself');
    expect(await asItWas()).toMatchObject({ status: 200, body: { refusal: why } });
    expect(await replay({ speculation: true })).toMatchObject({
      status: 409,
      body: { detail: why },
    });
  });

  test('from before version 1 has today’s settings of its agent, and says so', async () => {
    const { asItWas } = await callWith(JOURNAL.slice(1).filter((one) => !Object(one).did));
    const { status, body } = await asItWas();
    expect(status).toBe(200);
    expect(replayBasisSchema.parse(body).report).toMatchObject({
      journal_version: null,
      warnings: [expect.stringContaining("The agent's settings of today stand in")],
    });
  });

  test('needs the right to read, and is one’s own', async () => {
    const { url, asItWas } = await callWith(JOURNAL, ['instances:write']);
    expect(await asItWas()).toMatchObject({ status: 403 });
    const stranger = api.as((await api.tenant()).key);
    expect(await stranger('GET', url)).toMatchObject({
      status: 404,
      body: { detail: 'Call not found' },
    });
  });
});
