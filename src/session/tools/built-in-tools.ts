import { DTMF_DIGITS } from '#audio/dtmf.ts';
import type { TransferAtCarrier } from '#contracts/incoming-call.ts';
import type { ToolDefinition } from '#contracts/language-model.ts';
import { END_CALL_TOOL, SEND_DIGITS_TOOL, TRANSFER_CALL_TOOL } from '#conversation/tools.ts';
import { textOf } from '#lib/record.ts';
import type { AgentConfig } from '#protocol/agent-config.ts';
import { result, ToolFault } from './tool.ts';
import type { Tool } from './tool.ts';

/**
 * Plays G.711 mu-law on the line after all that is on it. Resolves once it was played; aborting cuts it
 * off. A line whose sound is not ours has the keys pressed that the tones are of, and rejects with a
 * `ToolFault` where it cannot.
 */
export type PlayTones = (keys: string, signal: AbortSignal) => Promise<void>;

/** Part of the conversation: it is never run. */
export const endCall: ToolDefinition = {
  name: END_CALL_TOOL,
  description:
    'Hang up. Call it when the conversation is over and both sides have said goodbye, or when the caller asks to end the call.',
  parameters: {
    type: 'object',
    properties: {
      farewell: {
        type: 'string',
        description: 'What to say before hanging up, unless you have said goodbye already.',
      },
    },
    required: ['farewell'],
    additionalProperties: false,
  },
};

/** The carrier answers within five seconds or not at all. */
const TRANSFER_TIMEOUT_MS = 6_000;

/** Hands the call over to one of the owner's numbers; undefined where there is none, or no way to. */
export function transferCall(
  numbers: AgentConfig['transfer_numbers'],
  transfer: TransferAtCarrier | undefined,
): Tool | undefined {
  if (numbers.length === 0 || !transfer) return undefined;
  const targets = numbers.map(({ name, description }) =>
    description === '' ? name : `${name} (${description})`,
  );
  return {
    definition: {
      name: TRANSFER_CALL_TOOL,
      description:
        'Hand the call over to somebody else, for good: you are no longer part of it afterwards. ' +
        `Tell the caller first. To whom: ${targets.join('; ')}.`,
      parameters: {
        type: 'object',
        properties: { to: { type: 'string', enum: numbers.map(({ name }) => name) } },
        required: ['to'],
        additionalProperties: false,
      },
    },
    // Whether the carrier has done it already, nobody could tell.
    lasting: true,
    timeoutMs: TRANSFER_TIMEOUT_MS,
    secrets: [],
    async run(given) {
      const target = numbers.find(({ name }) => name === given['to']);
      if (!target) throw new ToolFault('Nobody of this name may be called.');
      const answer = await transfer(target.number);
      if (!answer.ok) throw new ToolFault(`The call could not be handed over. ${answer.message}`);
      return { is: 'transferred', to: target.name };
    },
  };
}

const MAX_DIGITS = 32;
/** As long as the most digits there may be, with a margin. */
const DIGITS_TIMEOUT_MS = 18_000;

/** Presses keys on the line. */
export const sendDigits = (play: PlayTones): Tool => ({
  definition: {
    name: SEND_DIGITS_TOOL,
    description:
      'Press keys of the telephone, for example when an automatic menu asks for it. Do not use it to talk to people.',
    parameters: {
      type: 'object',
      properties: {
        digits: {
          type: 'string',
          minLength: 1,
          maxLength: MAX_DIGITS,
          description: 'The keys in order: 0 to 9, *, #, A to D; w waits for half a second.',
        },
      },
      required: ['digits'],
      additionalProperties: false,
    },
  },
  lasting: false,
  timeoutMs: DIGITS_TIMEOUT_MS,
  secrets: [],
  async run(given, signal) {
    const digits = textOf(given['digits']).replaceAll(/[\s().-]/g, '');
    if (!DTMF_DIGITS.test(digits))
      throw new ToolFault('Only 0 to 9, *, #, A to D and w can be sent.');
    await play(digits, signal);
    return result('Sent.');
  },
});
