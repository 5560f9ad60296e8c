import { z } from 'zod';
import { turnSchema } from './calls.ts';

const verdicts = ['same', 'changed', 'gone', 'new', 'untold'] as const;

/** What was taken for granted at a turn. docs/replay.md says what each means. */
const assumptions = ['other-context', 'asked-again', 'line-plays-on'] as const;

const whatIfTurnSchema = z
  .object({
    verdict: z.enum(verdicts),
    role: turnSchema.shape.role,
    /** Null: it was not. */
    was: turnSchema.nullable(),
    /** Null: it would not have been, or nobody knows. */
    would_be: turnSchema.nullable(),
    /** Of the first sound; null where there is none to compare. */
    latency_change_ms: z.number().nullable(),
    assumptions: z.array(z.enum(assumptions)),
  })
  .meta({ id: 'WhatIfTurn', title: 'WhatIfTurn' });

/** Here the call would have taken a way that was not recorded. */
const whatIfGapSchema = z
  .object({
    verdict: z.literal('unknown'),
    at_ms: z.number(),
    why: z.string(),
    /** Where it is taken up again; null: nothing after it can be told. */
    resumes_ms: z.number().nullable(),
  })
  .meta({ id: 'WhatIfGap', title: 'WhatIfGap' });

export const whatIfSchema = z
  .object({
    policy: z.array(z.object({ path: z.string(), was: z.unknown(), would_be: z.unknown() })),
    /** In the order of the call. */
    turns: z.array(z.union([whatIfTurnSchema, whatIfGapSchema])),
    /** From the end of the caller's speech to the first sound of the answer, over the answers of both ways. */
    voice_to_voice_ms: z.object({
      answers: z.number().int(),
      was_p50: z.number().nullable(),
      would_be_p50: z.number().nullable(),
      change_mean: z.number().nullable(),
    }),
    end: z.object({ was: z.string().nullable(), would_be: z.string().nullable() }),
  })
  .meta({ id: 'WhatIf', title: 'WhatIf' });
export type WhatIfReport = z.infer<typeof whatIfSchema>;
export type WhatIfRow = WhatIfReport['turns'][number];

/** What a replay found. */
export const replayReportSchema = z
  .object({
    /** Nothing is, or would be, different. */
    ok: z.boolean(),
    call_id: z.string().nullable(),
    /** Null: from before version 1. */
    journal_version: z.number().int().nullable(),
    code: z.object({
      was: z.string().nullable(),
      now: z.string(),
      /** Null: the journal does not tell. */
      same_conversation: z.boolean().nullable(),
    }),
    steps: z.number().int(),
    warnings: z.array(z.string()),
    /** Where today's code does something else than was done. */
    differences: z.array(
      z.object({
        /** Index of the turn that was going on. */
        turn: z.number().int(),
        /** Null: a turn as a whole, of a journal that does not tell the steps. */
        at_ms: z.number().nullable(),
        input: z.string().nullable(),
        was: z.array(z.string()),
        would_be: z.array(z.string()),
      }),
    ),
    /** Null: replayed as it was. */
    what_if: whatIfSchema.nullable(),
  })
  .meta({ id: 'ReplayReport', title: 'ReplayReport' });
export type ReplayReport = z.infer<typeof replayReportSchema>;

/** A setting that a call can be replayed with. */
export const replaySettingSchema = z
  .object({
    /** `endpointing.silenceMs`: where it stands in the policy. */
    path: z.string(),
    about: z.string(),
    kind: z.enum(['ms', 'flag', 'text', 'texts']),
    min: z.number().optional(),
    max: z.number().optional(),
    /** What the call ran with; null: it was not set. */
    was: z.union([z.boolean(), z.number(), z.string(), z.array(z.string())]).nullable(),
  })
  .meta({ id: 'ReplaySetting', title: 'ReplaySetting' });
export type ReplaySetting = z.infer<typeof replaySettingSchema>;

/** A call replayed as it was, and what it can be replayed with. */
export const replayBasisSchema = z
  .object({
    report: replayReportSchema,
    /** Why no other setting can be tried on this call; null: any of `settings` can. */
    refusal: z.string().nullable(),
    settings: z.array(replaySettingSchema),
  })
  .meta({ id: 'ReplayBasis', title: 'ReplayBasis' });
export type ReplayBasis = z.infer<typeof replayBasisSchema>;
