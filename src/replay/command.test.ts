import { describe, expect, test } from 'vitest';
import { VoiceError } from '#lib/errors.ts';
import { policyWith, talk } from '#test/support/conversation.ts';
import { journalOf } from '#test/support/recorded-talk.ts';
import type { JournalPlace } from './arguments.ts';
import { changeableFields } from './policy-fields.ts';
import { replayCommand } from './command.ts';

const call = talk(policyWith({ speculation: false }), { thoughts: ['Of course.'] });
call.say('I want a table.');
call.wait(4_000);
call.send({ type: 'closed', by: 'caller' });
const ID = '11111111-1111-4111-8111-111111111111';

/** Runs the command on that call, and answers all that it said. */
async function run(args: readonly string[], entries = journalOf(call)) {
  const places: JournalPlace[] = [];
  let out = '';
  let complaint = '';
  const code = await replayCommand(args, {
    find(place) {
      places.push(place);
      return Promise.resolve({ entries, callId: ID });
    },
    out: (text) => void (out += text),
    complain: (text) => void (complaint += text),
  });
  return { code, out, complaint, places };
}

describe('npm run replay', () => {
  test('says that a call is identical, and exits 0', async () => {
    const { code, out, places } = await run([ID]);
    expect(places).toEqual([{ is: 'store', callId: ID }]);
    expect(out).toMatch(new RegExp(`^Call ${ID}: identical at each of \\d+ steps \\(.*of then`));
    expect(code).toBe(0);
  });

  test('shows turn by turn what was and what would be, and exits 1', async () => {
    const text = JSON.stringify(journalOf(call)).replace('speak #1 \\"Of', 'speak #1 \\"Off');
    const parsed: unknown = JSON.parse(text);
    const { code, out } = await run([ID], Array.isArray(parsed) ? parsed : []);
    expect(out).toContain('different at 1 of');
    expect(out).toMatch(
      /turn 1\n +\d\.\d\d s {2}reply-.*\n +- speak #1 "Off.*\n +\+ speak #1 "Of /,
    );
    expect(code).toBe(1);
  });

  test('shows what another setting would have done, with the latency', async () => {
    const { code, out } = await run([ID, '--policy', 'endpointing.silenceMs=300']);
    expect(out).toContain('with endpointing.silenceMs 300 instead of 500');
    expect(out).toContain('end decided 500 → 300 ms (−200), first sound 1070 → 870 ms (−200)');
    expect(out).toContain('median 1070 → 870 ms over 1 answer, −200 ms on average');
    expect(out).toContain('End: caller_hangup → caller_hangup.');
    expect(code).toBe(1);
    expect((await run([ID, '--policy', 'idle.promptAfterMs=60000'])).code).toBe(0);
  });

  test('answers one object with --json', async () => {
    const { out } = await run([ID, '--json', '--policy', 'endpointing.silenceMs=300']);
    expect(JSON.parse(out)).toMatchObject({
      ok: false,
      call_id: ID,
      journal_version: 1,
      code: { same_conversation: true },
      differences: [],
      what_if: {
        policy: [{ path: 'endpointing.silenceMs', was: 500, would_be: 300 }],
        turns: [
          { verdict: 'same', role: 'caller' },
          { verdict: 'changed', role: 'agent', latency_change_ms: -200, assumptions: [] },
        ],
        voice_to_voice_ms: { answers: 1, was_p50: 1070, would_be_p50: 870, change_mean: -200 },
      },
    });
  });

  test('says where a setting had nothing to decide', async () => {
    const other = talk(policyWith({ endpointing: { vendorDecides: true } }));
    other.toEnd();
    const args = [ID, '--policy', 'endpointing.silenceMs=300'];
    expect((await run(args, journalOf(other))).out).toContain('decided the end of turns itself');
    const theirs = talk(policyWith({ sound: 'theirs' }));
    theirs.send({ type: 'closed', by: 'caller' });
    await expect(run(args, journalOf(theirs))).rejects.toThrow(VoiceError);
  });

  test('lists every setting in its help', async () => {
    const { code, out } = await run(['--help']);
    for (const { path } of changeableFields) expect(out).toContain(`  ${path} `);
    expect(code).toBe(0);
  });

  test.each([
    [[], /Which call/],
    [['no-uuid'], /is a uuid; "no-uuid" is none/],
    [[ID, ID], /One call at a time/],
    [[ID, '--file', 'x.json'], /takes the place/],
    [[ID, '--url', 'http://localhost'], /go together/],
    [[ID, '--url', 'ftp://localhost', '--key', 'k'], /must be an address/],
    [[ID, '--policy', 'nothing=1'], /There is no setting "nothing"/],
    [[ID, '--sneeze'], /--sneeze/],
  ])('refuses a wrong command line and says why: %j', async (args, why) => {
    const { code, complaint, places } = await run(args);
    expect(code).toBe(2);
    expect(complaint).toMatch(why);
    expect(places).toEqual([]);
  });
});
