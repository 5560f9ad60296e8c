import type { Role } from '#contracts/vendor.ts';
import type { AgentConfig } from '#protocol/agent-config.ts';

/** How a conversation is led. Plain data, part of the state: a call is replayed with another policy by changing it. */
export type Policy = {
  /** `theirs`: the other side hears, speaks and takes turns by itself, and only words come and go. */
  readonly sound: 'ours' | 'theirs';
  readonly endpointing: {
    /** The recogniser says when a turn has ended; our own silence rule is then only the safety net. */
    readonly vendorDecides: boolean;
    readonly silenceMs: number;
    readonly unfinishedSilenceMs: number;
    readonly eagerSilenceMs: number;
    /** How long the line may be silent after words before we stop waiting for the recogniser. */
    readonly vendorEndTimeoutMs: number;
  };
  readonly bargeIn: {
    readonly enabled: boolean;
    readonly minSpeechMs: number;
    readonly resumeAfterMs: number;
  };
  readonly idle: {
    readonly promptAfterMs: number;
    readonly prompts: readonly string[];
    readonly goodbye: string;
  };
  readonly greeting: { readonly text: string; readonly interruptible: boolean };
  readonly speculation: boolean;
  readonly maxCallMs: number;
  readonly deadAirMs: number;
  readonly texts: {
    /** Said when the answer is late. */
    readonly filler: string;
    /** Said once when a tool takes more than a moment; empty: nothing. */
    readonly toolFiller: string;
    /** Said when the model had no answer at all. */
    readonly again: string;
    /** Said before the owner's hang-up. */
    readonly farewell: string;
    /** Said when the time limit is reached. */
    readonly timeLimit: string;
  };
  /** Who is to be named when a role falls silent without a word on why. */
  readonly vendorNames: Readonly<Partial<Record<Role, string>>>;
};

/** The policy of an agent, with a recogniser that decides the end of turns or not. */
export function policyOf(
  agent: AgentConfig,
  vendorDecides: boolean,
  vendorNames: Policy['vendorNames'] = {},
): Policy {
  const { endpointing, barge_in: bargeIn, idle } = agent.voice;
  return {
    sound: 'ours',
    endpointing: {
      vendorDecides,
      silenceMs: endpointing.silence_ms,
      unfinishedSilenceMs: endpointing.unfinished_silence_ms,
      eagerSilenceMs: endpointing.eager_silence_ms,
      vendorEndTimeoutMs: Math.max(3_000, endpointing.unfinished_silence_ms * 2),
    },
    bargeIn: {
      enabled: bargeIn.enabled,
      minSpeechMs: bargeIn.min_speech_ms,
      resumeAfterMs: bargeIn.resume_after_ms,
    },
    idle: {
      promptAfterMs: idle.prompt_after_ms,
      prompts: idle.prompts,
      goodbye: idle.goodbye,
    },
    greeting: { text: agent.greeting.trim(), interruptible: agent.voice.greeting_interruptible },
    speculation: agent.voice.speculation,
    maxCallMs: agent.voice.max_call_seconds * 1_000,
    deadAirMs: agent.voice.dead_air_ms,
    texts: {
      filler: 'One moment, please.',
      toolFiller: agent.voice.tool_filler.trim(),
      again: 'Sorry, I did not get that. Could you say it again?',
      farewell: 'I have to end this call now. Goodbye.',
      timeLimit: 'We have reached the time limit of this call. Goodbye.',
    },
    vendorNames,
  };
}

/** The same for a call whose sound is somebody else's: nothing is prepared on trial, and no turn ended by us. */
export const wordedPolicy = (policy: Policy): Policy => ({
  ...policy,
  sound: 'theirs',
  endpointing: { ...policy.endpointing, vendorDecides: true },
  speculation: false,
});
