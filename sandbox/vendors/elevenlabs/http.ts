import { z } from 'zod';
import type { Clock } from '#lib/clock.ts';
import { faultySender } from '../../faults.ts';
import type { Fault, Faults } from '../../faults.ts';
import { clipAudio } from '../../speech/clip-audio.ts';
import type { VoiceBank } from '../../speech/speech.ts';
import type { Exchange } from '../exchange.ts';
import { parseJson, show } from '../json.ts';
import { isSpeakable, splitAll } from '../segments.ts';
import { characterTimes, httpAlignment } from './alignment.ts';
import type { ElevenLabsTiming } from './context.ts';
import { NOT_FOUND, failureBody, failureOf, unsupported } from './errors.ts';
import type { ElevenLabsFailure } from './errors.ts';
import { readOutput } from './output.ts';
import type { Output } from './output.ts';
import { elevenLabsModels, elevenLabsVoices } from './voices.ts';

type HttpOptions = {
  readonly bank: VoiceBank;
  readonly clock: Clock;
  readonly faults: Faults;
  readonly timing: ElevenLabsTiming;
};

const bodySchema = z.strictObject({
  text: z.string().min(1).max(40_000),
  model_id: z.string().optional(),
  language_code: z.string().nullable().optional(),
  voice_settings: z.record(z.string(), z.unknown()).nullable().optional(),
  pronunciation_dictionary_locators: z.array(z.unknown()).optional(),
  seed: z.number().int().nullable().optional(),
  previous_text: z.string().nullable().optional(),
  next_text: z.string().nullable().optional(),
  previous_request_ids: z.array(z.string()).optional(),
  next_request_ids: z.array(z.string()).optional(),
  use_pvc_as_ivc: z.boolean().optional(),
  apply_text_normalization: z.enum(['auto', 'on', 'off']).optional(),
  apply_language_text_normalization: z.boolean().optional(),
});

const SPEECH = /^\/v1\/text-to-speech\/([^/]+)(\/stream)?(\/with-timestamps)?$/;

const refuse = (exchange: Exchange, failure: ElevenLabsFailure): void =>
  exchange.reply(failure.status, {}, failureBody(failure));

/** Answers a request whose key is good. */
export async function answerHttp(exchange: Exchange, options: HttpOptions): Promise<void> {
  const { method, url } = exchange;
  const speech = SPEECH.exec(url.pathname);
  const { standing } = options.faults;
  // Only speech counts as a request of the plan; the others suffer what stands.
  const fault =
    speech && method === 'POST'
      ? options.faults.take()
      : standing?.kind === 'down'
        ? undefined
        : standing;
  if (fault?.kind === 'reset') return exchange.reset();
  if (fault?.kind === 'half-open') return exchange.silence();
  if (fault?.kind === 'slow') await options.clock.sleep(fault.delayMs);
  // An account without credits can still be looked at.
  const failure = speech || fault?.kind !== 'quota' ? failureOf(fault) : undefined;
  if (failure) return refuse(exchange, failure);
  if (method === 'POST' && speech)
    return answerSpeech(exchange, options, fault, {
      voiceId: decodeURIComponent(speech[1] ?? ''),
      isStream: speech[2] !== undefined,
      hasTimes: speech[3] !== undefined,
    });
  if (method !== 'GET') return refuse(exchange, NOT_FOUND);
  switch (url.pathname) {
    case '/v1/user':
      return exchange.reply(200, {}, userObject(fault));
    case '/v1/user/subscription':
      return exchange.reply(200, {}, subscriptionObject(fault));
    case '/v1/models':
      return exchange.reply(
        200,
        {},
        elevenLabsModels.map(({ id, name }) => ({
          model_id: id,
          name,
          can_do_text_to_speech: true,
        })),
      );
    case '/v1/voices':
      return exchange.reply(
        200,
        {},
        {
          voices: elevenLabsVoices.map(({ id, name }) => ({
            voice_id: id,
            name,
            category: 'premade',
          })),
        },
      );
    default:
      return refuse(exchange, NOT_FOUND);
  }
}

async function answerSpeech(
  exchange: Exchange,
  options: HttpOptions,
  fault: Fault | undefined,
  asked: { readonly voiceId: string; readonly isStream: boolean; readonly hasTimes: boolean },
): Promise<void> {
  const parsed = bodySchema.safeParse(parseJson(await exchange.body()));
  if (!parsed.success)
    return exchange.reply(
      422,
      {},
      {
        detail: parsed.error.issues.map(({ path, message, code }) => ({
          loc: ['body', ...path.map((part) => show(part))],
          msg: message,
          type: code,
        })),
      },
    );
  const { text, model_id, language_code } = parsed.data;
  const query = exchange.url.searchParams;
  const output = readOutput({
    voiceId: asked.voiceId,
    modelId: model_id ?? 'eleven_multilingual_v2',
    outputFormat: query.get('output_format') ?? 'mp3_44100_128',
    languageCode: language_code ?? undefined,
    streamsInput: false,
  });
  if ('status' in output) return refuse(exchange, output);
  if (!isSpeakable(text))
    return refuse(exchange, unsupported('invalid_text', 'There is nothing to be said.'));

  await options.clock.sleep(options.timing.firstSpeechMs);
  const pieces = await speak(text, output, options.bank);
  if (asked.hasTimes && !asked.isStream) {
    const audio = Buffer.concat(pieces.map((piece) => piece.audio));
    const times = pieces.flatMap(({ times, beganMs }) =>
      times.map(({ character, startMs, endMs }) => ({
        character,
        startMs: beganMs + startMs,
        endMs: beganMs + endMs,
      })),
    );
    const alignment = httpAlignment(times, 0);
    return exchange.reply(
      200,
      {},
      {
        audio_base64: audio.toString('base64'),
        alignment,
        normalized_alignment: alignment,
      },
    );
  }
  exchange.start(200, {
    'content-type': asked.hasTimes ? 'application/json' : contentType(output),
  });
  let over = false;
  const line = faultySender(
    fault?.kind === 'slow' ? undefined : fault,
    {
      deliver: (frame) => exchange.write(Buffer.from(frame, 'latin1')),
      kill() {
        over = true;
        exchange.reset();
      },
      silence: () => exchange.silence(),
      // An answer that has begun can only be broken off.
      fail() {
        over = true;
        exchange.reset();
      },
    },
    options.clock,
  );
  exchange.onAbort(() => (over = true));
  for (const { audio, times, beganMs } of pieces) {
    if (over) return;
    const alignment = httpAlignment(times, beganMs);
    line(
      asked.hasTimes
        ? jsonLine({
            audio_base64: audio.toString('base64'),
            alignment,
            normalized_alignment: alignment,
          })
        : audio.toString('latin1'),
    );
  }
  if (!over) exchange.end();
}

/** The sentences of a text, each with its sound and the time at which it begins. */
async function speak(text: string, { voice, format }: Output, bank: VoiceBank) {
  const pieces = [];
  let beganMs = 0;
  for (const sentence of splitAll(text)) {
    if (!isSpeakable(sentence)) continue;
    const clip = await bank.speak(sentence.trim(), voice.bankVoice);
    pieces.push({
      audio: clipAudio(clip, format),
      times: characterTimes(clip, sentence),
      beganMs,
    });
    beganMs += clip.pcm.length / 8;
  }
  return pieces;
}

/** A line of JSON, its UTF-8 bytes as the characters of a string. */
const jsonLine = (value: object): string =>
  Buffer.from(`${JSON.stringify(value)}\n`).toString('latin1');

const contentType = ({ format }: Output): string =>
  format.encoding === 'mulaw' ? 'audio/basic' : 'audio/pcm';

const LIMIT = 10_000;

const subscriptionObject = (fault: Fault | undefined): Readonly<Record<string, unknown>> => ({
  tier: 'starter',
  character_count: fault?.kind === 'quota' ? LIMIT : 17,
  character_limit: LIMIT,
  max_credit_limit_extension: 0,
  can_extend_character_limit: false,
  allowed_to_extend_character_limit: false,
  voice_slots_used: 0,
  professional_voice_slots_used: 0,
  professional_voice_slots_used_in_workspace: 0,
  voice_limit: 10,
  voice_add_edit_counter: 0,
  professional_voice_limit: 0,
  can_extend_voice_limit: false,
  can_use_instant_voice_cloning: true,
  can_use_professional_voice_cloning: false,
  current_overage: { amount: '0', currency: 'usd' },
  status: 'active',
  open_invoices: [],
  has_open_invoices: false,
});

const userObject = (fault: Fault | undefined): object => ({
  user_id: 'sandbox',
  workspace_id: 'sandbox',
  subscription: subscriptionObject(fault),
  is_new_user: false,
  can_use_delayed_payment_methods: false,
  is_onboarding_completed: true,
  is_onboarding_checklist_completed: true,
  created_at: 1_767_225_600,
  seat_type: 'workspace_admin',
});
