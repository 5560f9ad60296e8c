import { z } from 'zod';
import { endReasons } from './calls.ts';

/** Who hears, thinks and speaks. */
export const vendorRoles = ['speech-to-text', 'language-model', 'text-to-speech'] as const;
export type VendorRole = (typeof vendorRoles)[number];

/** A summary in more parts than these is refused: no chart could show them. */
export const SUMMARY_BUCKETS_MAX = 1_000;
const INTERVAL_SECONDS_MIN = 60;
/** 31 days. */
const INTERVAL_SECONDS_MAX = 2_678_400;
const HOUR_SECONDS = 3_600;

const moment = z.iso.datetime({ offset: true });

export const callsSummaryQuerySchema = z.strictObject({
  /** RFC 3339, with a time zone: calls that began then or later. Absent: 24 hours before the end. */
  started_after: moment.optional(),
  /** Calls that began before. Absent: now. */
  started_before: moment.optional(),
  /** How long each part of that time is; the first begins with it. */
  interval_seconds: z.coerce
    .number()
    .int()
    .min(INTERVAL_SECONDS_MIN)
    .max(INTERVAL_SECONDS_MAX)
    .default(HOUR_SECONDS),
});
export type CallsSummaryQuery = z.infer<typeof callsSummaryQuerySchema>;

const count = z.number().int();

const figures = {
  /** Live calls as well. */
  calls: count,
  /** That they took; of live calls, until now. */
  minutes: z.number(),
  /** From the end of the caller's speech to the first sound of the answer, over all answers that were heard. */
  voice_to_voice_ms: z.object({
    answers: count,
    /** Nearest rank: the time of one of the answers. Null: there is none. */
    p50: z.number().nullable(),
    p95: z.number().nullable(),
  }),
  /** Of the calls that have ended, how many for which reason; reasons that none had are absent. */
  end_reasons: z.partialRecord(z.enum(endReasons), count),
  /** Most frequent first. A failure counts whether another vendor went on with the work or not. */
  vendor_failures: z.array(
    z.object({ role: z.enum(vendorRoles), vendor: z.string(), failures: count }),
  ),
};

export const callFiguresSchema = z
  .object(figures)
  .meta({ id: 'CallFigures', title: 'CallFigures' });
export type CallFigures = z.infer<typeof callFiguresSchema>;

const bucketSchema = z
  .object({ started_after: z.string(), ...figures })
  .meta({ id: 'CallFiguresBucket', title: 'CallFiguresBucket' });
export type CallFiguresBucket = z.infer<typeof bucketSchema>;

/** Everything is counted where its call began. */
export const callsSummarySchema = z
  .object({
    started_after: z.string(),
    started_before: z.string(),
    interval_seconds: count,
    total: callFiguresSchema,
    /** In the order of time, without a gap. The last one ends with the time asked for. */
    buckets: z.array(bucketSchema),
  })
  .meta({
    id: 'CallsSummary',
    title: 'CallsSummary',
    examples: [
      {
        started_after: '2026-11-20T08:00:00.000Z',
        started_before: '2026-11-20T09:00:00.000Z',
        interval_seconds: 3_600,
        total: {
          calls: 12,
          minutes: 31.4,
          voice_to_voice_ms: { answers: 96, p50: 742, p95: 981.5 },
          end_reasons: { caller_hangup: 9, agent_hangup: 2, vendor_failure: 1 },
          vendor_failures: [{ role: 'speech-to-text', vendor: 'deepgram', failures: 2 }],
        },
        buckets: [
          {
            started_after: '2026-11-20T08:00:00.000Z',
            calls: 12,
            minutes: 31.4,
            voice_to_voice_ms: { answers: 96, p50: 742, p95: 981.5 },
            end_reasons: { caller_hangup: 9, agent_hangup: 2, vendor_failure: 1 },
            vendor_failures: [{ role: 'speech-to-text', vendor: 'deepgram', failures: 2 }],
          },
        ],
      },
    ],
  });
export type CallsSummary = z.infer<typeof callsSummarySchema>;
