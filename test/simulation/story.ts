import type { LiveEvent } from '#protocol/events.ts';
import type { Evidence } from './evidence.ts';
import type { Violation } from './rules/rule.ts';
import { isWhole } from './world/labelled-sound.ts';
import type { Piece } from './world/labelled-sound.ts';

type Line = { readonly atMs: number; readonly text: string };

/** A call as it went, line by line: who spoke, what was heard, what went wrong, what came of it. */
export function storyOf(evidence: Evidence, violations: readonly Violation[]): readonly string[] {
  const { plan, call } = evidence;
  const lines: readonly Line[] = [
    ...evidence.faults.map(({ atMs, what }) => ({ atMs, text: `fault      ${what}` })),
    ...spokenLines(evidence),
    ...heardLines(evidence.heard),
    ...evidence.acts.map(({ atMs, what }) => ({ atMs, text: `caller     ${what}` })),
    ...evidence.events.flatMap(({ atMs, what }) => {
      const text = told(what);
      return text === undefined ? [] : { atMs, text };
    }),
    ...evidence.journal.flatMap(({ type, atMs, ...rest }) =>
      type === 'note'
        ? { atMs: (evidence.sessionMs ?? 0) + atMs, text: `journal    ${String(rest['text'])}` }
        : [],
    ),
    ...violations.map(({ atMs, rule, what }) => ({ atMs, text: `BROKEN     ${rule}: ${what}` })),
    ...(evidence.overMs === undefined
      ? []
      : [{ atMs: evidence.overMs, text: 'line       the line is cut' }]),
  ].toSorted((one, two) => one.atMs - two.atMs);
  return [
    `seed ${plan.seed}: agent ${JSON.stringify(plan.agent)}`,
    `          caller ${JSON.stringify(plan.caller)}, line ${JSON.stringify(plan.carrier)}, store ${plan.store}`,
    ...lines.map(({ atMs, text }) => `${(atMs / 1_000).toFixed(3).padStart(8)}  ${text}`),
    `stored: ${call?.end_reason ?? 'nothing'}${call?.end_detail ? ` (${call.end_detail})` : ''}`,
    ...(call?.turns ?? []).map(
      ({ index, role, text, heard, interrupted }) =>
        `  ${index} ${role}: ${text}${interrupted ? ` | heard: ${heard}` : ''}`,
    ),
    violations.length === 0
      ? 'No rule was broken.'
      : `${violations.length} times a rule was broken.`,
  ];
}

/** Words close together are one line. */
function inPhrases<Item>(
  items: readonly Item[],
  startMs: (item: Item) => number,
  endMs: (item: Item) => number,
): readonly (readonly Item[])[] {
  const phrases: Item[][] = [];
  let lastMs = -Infinity;
  for (const item of items) {
    if (startMs(item) - lastMs > 350) phrases.push([]);
    phrases.at(-1)?.push(item);
    lastMs = endMs(item);
  }
  return phrases;
}

const spokenLines = ({ spoken }: Evidence): readonly Line[] =>
  inPhrases(
    spoken,
    ({ startMs }) => startMs,
    ({ endMs }) => endMs,
  ).map((words) => ({
    atMs: words[0]?.startMs ?? 0,
    text: `caller     "${words.map(({ word }) => word.text).join(' ')}"`,
  }));

const heardLines = (heard: readonly Piece[]): readonly Line[] =>
  inPhrases(
    heard,
    ({ startMs }) => startMs,
    ({ endMs }) => endMs,
  ).map((pieces) => ({
    atMs: pieces[0]?.startMs ?? 0,
    text: `heard      "${pieces.map(pieceText).join(' ')}"`,
  }));

const pieceText = (piece: Piece): string =>
  piece.word ? piece.word.text + (isWhole(piece) ? '' : '–') : '~';

function told(event: LiveEvent): string | undefined {
  switch (event.type) {
    case 'state':
      return `state      ${event.state}`;
    case 'interrupted':
      return `effect     interrupted; not heard: "${event.unheard}"`;
    case 'resumed':
      return 'effect     a false alarm: the agent goes on';
    case 'tool':
      return `effect     tool ${event.name} ${event.arguments}`;
    case 'tool-result':
      return `effect     tool ${event.name} ${event.outcome} after ${event.duration_ms} ms`;
    case 'vendor-failed':
      return `effect     ${event.vendor} failed: ${event.message}${event.switched_to ? `; ${event.switched_to} goes on` : ''}`;
    case 'call-ended':
      return `effect     the call ends: ${event.reason}`;
    default:
      return undefined;
  }
}
