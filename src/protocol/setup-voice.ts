import { z } from 'zod';
import { isPossibleE164 } from './phone.ts';
import { providerNames } from './voice-channel.ts';

const PRINTABLE = /^[\x20-\x7e]*$/;

/** Surrounding blanks are what copying a key out of a web page leaves, and never part of it. */
const printable = (maxLength: number): z.ZodString =>
  z.string().trim().max(maxLength).regex(PRINTABLE);

/** Every field may be absent (keep), a string (set), or `""` or null (clear). */
const field = (title: string, description: string, schema: z.ZodType<string>) =>
  schema.nullable().optional().meta({ title, description });

const secret = (title: string, description: string) => field(title, description, printable(4_096));

const phone = (title: string, description: string) =>
  field(
    title,
    description,
    z
      .string()
      .trim()
      .max(32)
      .refine((text) => text === '' || isPossibleE164(text), {
        error: 'value is not a possible phone number in E.164 form, such as +14155550123',
      }),
  );

/**
 * Body of `POST …/channels/voice`. The defaults of `provider` and `api_key` are those of a new
 * channel: a field that is absent leaves what is stored as it is.
 */
export const setupVoiceSchema = z
  .strictObject({
    provider: z.enum(providerNames).optional().meta({
      title: 'Provider',
      description: 'voice provider slug: retell, pipecat',
      default: 'retell',
    }),
    agent_id: field('Agent Id', 'Retell agent/assistant id', printable(255)),
    api_key: secret('Api Key', 'provider API key (Retell), stored encrypted').meta({
      title: 'Api Key',
      description: 'provider API key (Retell), stored encrypted',
      default: '',
    }),
    webhook_secret: secret('Webhook Secret', "the provider's webhook signing secret"),
    phone_number: phone('Phone Number', 'number for inbound calls'),
    twilio_account_sid: field(
      'Twilio Account Sid',
      'Twilio account SID',
      z
        .string()
        .trim()
        .max(64)
        .regex(/^[A-Za-z0-9]*$/),
    ),
    twilio_auth_token: secret('Twilio Auth Token', 'Twilio auth token'),
    twilio_phone_number: phone('Twilio Phone Number', 'Twilio number, E.164'),
    deepgram_api_key: secret('Deepgram Api Key', 'speech-to-text'),
    openai_api_key: secret('Openai Api Key', 'language model, text-to-speech, speech-to-text'),
    google_api_key: secret('Google Api Key', 'language model, speech-to-text, text-to-speech'),
    anthropic_api_key: secret('Anthropic Api Key', 'language model'),
    cartesia_api_key: secret('Cartesia Api Key', 'text-to-speech'),
    elevenlabs_api_key: secret('Elevenlabs Api Key', 'text-to-speech'),
  })
  .meta({
    id: 'SetupVoice',
    title: 'SetupVoice',
    examples: [
      {
        provider: 'pipecat',
        deepgram_api_key: '…',
        openai_api_key: '…',
        cartesia_api_key: '…',
        twilio_account_sid: 'AC…',
        twilio_auth_token: '…',
        twilio_phone_number: '+14155550123',
      },
    ],
  });

export type SetupVoice = z.infer<typeof setupVoiceSchema>;
