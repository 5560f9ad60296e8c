import { describe, expect, test } from 'vitest';
import type { Call } from '#protocol/calls.ts';
import { demoAgent } from '#sandbox/demo/scenario.ts';
import { judgeScene, replyTo, scene } from './scene.ts';
import type { ShownTurn } from './scene.ts';

const CUT = 4;
const HEARD_WORDS = 12;

/** The page, the record and the ear after a scene that went as it should. */
function asItShould() {
  const texts = [demoAgent.greeting, ...scene.flatMap(({ say }) => [say, replyTo(say)])];
  const shown: ShownTurn[] = texts.map((text, at) => {
    const words = text.split(' ');
    const heardWords = at === CUT ? HEARD_WORDS : words.length;
    return {
      role: at % 2 === 0 ? 'agent' : 'caller',
      heard: words.slice(0, heardWords).join(' '),
      unheard: words.slice(heardWords).join(' '),
    };
  });
  const turns = shown.map(({ role, heard }, at) => ({ role, text: texts[at] ?? '', heard }));
  const ear = shown.filter(({ role }) => role === 'agent').flatMap(({ heard }) => heard.split(' '));
  return { shown, record: recordOf(turns), ear };
}

const recordOf = (
  turns: readonly { role: 'agent' | 'caller'; text: string; heard: string }[],
): Call => ({
  call_id: '',
  instance_id: '',
  provider: 'pipecat',
  caller_phone: 'web',
  state: 'ended',
  started_at: '',
  ended_at: '',
  end_reason: 'agent_hangup',
  end_detail: null,
  duration_seconds: 60,
  turns: turns.map((turn, index) => ({
    ...turn,
    index,
    interrupted: index === CUT,
    start_ms: 0,
    end_ms: 0,
    waterfall_ms: {},
  })),
});

describe('The judge of the scene', () => {
  test('has nothing to say of one that went as it should', () => {
    const { shown, record, ear } = asItShould();
    expect(judgeScene(shown, record, ear)).toEqual([]);
  });

  test.each<
    readonly [string, (scene: ReturnType<typeof asItShould>) => ReturnType<typeof asItShould>]
  >([
    [
      'a word of the caller that the page lacks',
      (it) => ({
        ...it,
        shown: changed(it.shown, 1, (turn) => ({ ...turn, heard: turn.heard.slice(4) })),
      }),
    ],
    [
      'a word of the agent that the page has of its own',
      (it) => ({
        ...it,
        shown: changed(it.shown, 2, (turn) => ({ ...turn, heard: `${turn.heard} now` })),
      }),
    ],
    [
      'a sentence that is not struck through',
      (it) => ({
        ...it,
        shown: changed(it.shown, CUT, (turn) => ({
          ...turn,
          heard: `${turn.heard} ${turn.unheard}`,
          unheard: '',
        })),
      }),
    ],
    ['a turn that the page lacks', (it) => ({ ...it, shown: it.shown.slice(0, -1) })],
    ['a word of the agent that never came to the page', (it) => ({ ...it, ear: it.ear.slice(1) })],
    [
      'a whole sentence that came and is not shown',
      (it) => ({ ...it, ear: [...it.ear, 'Are', 'you', 'still', 'there'] }),
    ],
    ['another end', (it) => ({ ...it, record: { ...it.record, end_reason: 'silence' } })],
  ])('notices %s', (_, spoil) => {
    const { shown, record, ear } = spoil(asItShould());
    expect(judgeScene(shown, record, ear)).not.toEqual([]);
  });

  test('lets words pass that were on their way when the caller cut in', () => {
    const { shown, record, ear } = asItShould();
    const sent = shown.slice(0, CUT + 1).filter(({ role }) => role === 'agent');
    const cutAt = sent.reduce((sum, { heard }) => sum + heard.split(' ').length, 0);
    const onItsWay = shown[CUT]?.unheard.split(' ')[0] ?? '';
    expect(judgeScene(shown, record, ear.toSpliced(cutAt, 0, onItsWay))).toEqual([]);
  });
});

const changed = (
  shown: readonly ShownTurn[],
  at: number,
  change: (turn: ShownTurn) => ShownTurn,
): ShownTurn[] => shown.map((turn, index) => (index === at ? change(turn) : turn));
