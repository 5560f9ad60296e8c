/**
 * The vendors of a measurement as a process of their own. Prints one line of JSON, which is a
 * `MocksAddress`, when they can be used; ends with SIGTERM, SIGINT or its standard input.
 *
 *   node bench/mocks/main.ts [--ear light|full] [--end-of-turn-ms 350] [--eager-ms 150]
 *     [--first-token-ms 400] [--tokens-per-second 60] [--first-speech-ms 150]
 */
import { parseArgs } from 'node:util';
import { DELAYS, startMocks } from './mocks.ts';

const { values } = parseArgs({
  options: {
    ear: { type: 'string', default: 'light' },
    'end-of-turn-ms': { type: 'string' },
    'eager-ms': { type: 'string' },
    'first-token-ms': { type: 'string' },
    'tokens-per-second': { type: 'string' },
    'first-speech-ms': { type: 'string' },
  },
});
const { ear } = values;
if (ear !== 'light' && ear !== 'full') throw new Error(`--ear takes light or full, not "${ear}".`);

const number = (name: Exclude<keyof typeof values, 'ear'>, otherwise: number): number => {
  const text = values[name];
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value > 0) return value;
  throw new Error(`--${name} takes a number above 0, not "${text}".`);
};

const mocks = await startMocks({
  ear,
  delays: {
    endOfTurnMs: number('end-of-turn-ms', DELAYS.endOfTurnMs),
    eagerEndOfTurnMs: number('eager-ms', DELAYS.eagerEndOfTurnMs),
    firstTokenMs: number('first-token-ms', DELAYS.firstTokenMs),
    tokensPerSecond: number('tokens-per-second', DELAYS.tokensPerSecond),
    firstSpeechMs: number('first-speech-ms', DELAYS.firstSpeechMs),
  },
});
const stop = (): void => {
  void mocks[Symbol.asyncDispose]().then(() => process.exit(0));
};
process.once('SIGTERM', stop);
process.once('SIGINT', stop);
process.stdin.once('end', stop).resume();
process.stdout.write(`${JSON.stringify({ urls: mocks.urls, keys: mocks.keys })}\n`);
