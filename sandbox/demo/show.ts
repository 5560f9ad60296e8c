import pc from 'picocolors';
import type { Turn } from '#protocol/calls.ts';
import type { LiveEvent } from '#protocol/events.ts';
import type { RetellDemoResult } from './play-retell.ts';
import type { DemoResult } from './result.ts';
import { waterfallLine } from './waterfall.ts';

/** Writes a call to a terminal while it happens. */
export type Show = {
  event(event: LiveEvent): void;
  summary(result: DemoResult | RetellDemoResult): void;
  line(text?: string): void;
};

const LABEL_CHARS = 9;

/**
 * @param isLive whether lines may be overwritten: interim words then change in place; in a pipe or a
 *   log only whole turns are written
 */
export function createShow(out: { write(text: string): unknown }, isLive: boolean): Show {
  let open = false;

  const closeLine = (): void => {
    if (open) out.write('\r\u001B[2K');
    open = false;
  };
  const line = (text = ''): void => {
    closeLine();
    out.write(`${text}\n`);
  };
  const interim = (text: string): void => {
    if (!isLive) return;
    closeLine();
    const room = Math.max(40, (process.stdout.columns ?? 100) - 1);
    out.write(pc.dim(text.length > room ? `${text.slice(0, room - 1)}…` : text));
    open = true;
  };
  const row = (atMs: number, label: string, text: string): string =>
    `${pc.dim(timeOf(atMs))}  ${label.padEnd(LABEL_CHARS)}${text}`;
  let saying = '';
  /** Told before the turn it cut short; shown after it. */
  let cutIn = '';

  const turn = ({ role, text, heard, interrupted, waterfall_ms, start_ms }: Turn): void => {
    saying = '';
    if (role === 'caller') return line(row(start_ms, 'caller', pc.cyan(text)));
    const bar = waterfallLine(waterfall_ms);
    if (bar !== '') line(`${' '.repeat(9)}${pc.dim(bar)}`);
    const unheard = text.slice(heard.length).trim();
    line(
      row(
        start_ms,
        'agent',
        interrupted ? `${pc.green(heard)} ${pc.dim(pc.strikethrough(unheard))}` : pc.green(heard),
      ),
    );
    if (interrupted && cutIn !== '') line(cutIn);
    cutIn = '';
  };

  return {
    line,
    event(event) {
      const at = event.at_ms;
      switch (event.type) {
        case 'call-started':
          return line(row(at, 'call', `from ${event.caller_phone || 'an unknown number'}`));
        case 'caller-interim':
          return interim(`${timeOf(at)}  ${'caller …'.padEnd(LABEL_CHARS)}${event.text}`);
        case 'agent-text':
          saying += event.text;
          return interim(`${timeOf(at)}  ${'agent …'.padEnd(LABEL_CHARS)}${saying}`);
        case 'interrupted':
          cutIn = row(
            at,
            '',
            pc.yellow(`the caller cut in; heard up to "…${lastWords(event.heard)}"`),
          );
          return undefined;
        case 'resumed':
          return line(row(at, '', pc.yellow('a false alarm: the agent goes on')));
        case 'tool':
          return line(row(at, 'tool', pc.magenta(`${event.name} ${event.arguments}`)));
        case 'turn':
          return turn(event.turn);
        case 'vendor-failed':
          return line(row(at, 'vendor', pc.red(`${event.vendor}: ${event.message}`)));
        case 'call-ended':
          return line(row(at, 'end', `${event.reason}${event.detail ? `: ${event.detail}` : ''}`));
        case 'state':
        case 'tool-result':
        case 'caller-speaking':
          return undefined;
      }
    },
    summary(result) {
      const { voice_to_voice_ms: voice } = result;
      const yes = (holds: boolean): string => (holds ? pc.green('yes') : pc.red('no'));
      line();
      line(pc.bold('Summary'));
      for (const [name, value] of [
        ['call', `${result.call_id}, ${result.duration_seconds} s, ${result.turns.length} turns`],
        [
          'voice to voice',
          `${voice.p50 ?? '–'} ms (median), ${voice.p95 ?? '–'} ms (95 %), at the caller's ear`,
        ],
        ['barge-in', `${result.barge_in_ms ?? '–'} ms from the caller's first sound to silence`],
        ['hesitation', `left alone: ${yes(!result.cut_in_on_hesitation)}`],
        [
          'transcript',
          `what was really heard on the line: ${yes(result.transcript_matches_audio)}`,
        ],
        ...('provider' in result
          ? ([
              ['cost', `${result.cost_cents ?? '–'} cents, as Retell bills it`],
              ['record', `all that Retell has of the call: ${yes(result.record_complete)}`],
              ['account', `as it was before the channel: ${yes(result.restored)}`],
            ] as const)
          : []),
      ] as const)
        line(`  ${name.padEnd(15)} ${value}`);
      for (const problem of result.problems) line(`  ${pc.red('problem')}         ${problem}`);
    },
  };
}

const timeOf = (ms: number): string =>
  `${String(Math.floor(ms / 60_000)).padStart(2, '0')}:${((ms % 60_000) / 1_000).toFixed(1).padStart(4, '0')}`;

const lastWords = (text: string): string => text.split(' ').slice(-4).join(' ');
