import type { ThinkRequest } from '#contracts/language-model.ts';
import type { Random } from '#sandbox/lib/random.ts';
import type { Vocabulary } from '../vocabulary.ts';
import type { Answer } from './model.ts';

/** How the product asks a model to go on with another's answer. */
const BROKE_OFF = /answer broke off after "/;
const FAREWELL = 'Thank you for calling. Goodbye.';

/** What a model answers: words never said before, and now and then a tool, or nothing at all. */
export function createBrain(
  random: Random,
  vocabulary: Vocabulary,
): (request: ThinkRequest) => Answer {
  const chance = (share: number): boolean => random.next() < share;
  const sentence = (): string => {
    const words = Array.from({ length: random.int(1, 9) }, () => vocabulary.next());
    const comma = random.int(0, words.length * 2);
    return `${words.map((word, index) => (index === comma ? `${word},` : word)).join(' ')}${chance(0.3) ? '?' : '.'}`;
  };
  const sentences = (most: number): string =>
    Array.from({ length: random.int(1, most) }, sentence).join(' ');
  const say = (text: string): Answer => ({ text, toolCalls: [] });

  return ({ context, tools }) => {
    const last = context.at(-1);
    if (last?.role === 'note' && BROKE_OFF.test(last.text)) {
      const given = context.at(-2);
      const said = given?.role === 'agent' ? given.text.split(' ') : [];
      // Some begin with the words that they are told not to repeat.
      const repeated = chance(0.3) ? `${said.slice(-4).join(' ')} ` : '';
      return say(repeated + sentence());
    }
    const words = context.findLast(({ role }) => role === 'caller');
    const isParting = words?.role === 'caller' && words.text.includes('goodbye');
    if (isParting && chance(0.85)) return farewell(chance(0.5));
    if (last?.role === 'tool-result' && chance(0.85)) return say(sentences(2));
    const has = (name: string): boolean => tools.some((tool) => tool.name === name);
    const draw = random.next();
    if (draw < 0.1) return call('look_up', { what: vocabulary.next() });
    if (draw < 0.13) return call('book', { what: vocabulary.next() });
    if (draw < 0.145 && has('transfer_call')) return call('transfer_call', { to: 'desk' });
    if (draw < 0.16) return call('send_digits', { digits: '12w3#' });
    if (draw < 0.17) return call('no_such_tool', {});
    if (draw < 0.18) return farewell(false);
    if (draw < 0.19) return say('');
    if (draw < 0.22) return say(sentences(9));
    return say(sentences(3));
  };

  function call(name: string, given: Readonly<Record<string, unknown>>): Answer {
    const json = JSON.stringify(given);
    return {
      text: chance(0.5) ? sentence() : '',
      toolCalls: [{ name, arguments: chance(0.04) ? json.slice(1) : json }],
    };
  }
}

const farewell = (isSaidBefore: boolean): Answer => ({
  text: isSaidBefore ? FAREWELL : '',
  toolCalls: [
    { name: 'end_call', arguments: JSON.stringify({ farewell: isSaidBefore ? '' : FAREWELL }) },
  ],
});
