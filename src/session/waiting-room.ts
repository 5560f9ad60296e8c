import { PHONE_LINE } from '#audio/format.ts';
import type { AudioFormat, LineAudio } from '#audio/format.ts';
import type { Cancel, Clock } from '#lib/clock.ts';
import type { AgentConfig } from '#protocol/agent-config.ts';
import { secretFields } from '#protocol/voice-channel.ts';
import type { Secrets } from '#store/store.ts';
import { prepareHearing } from './prepared-hearing.ts';
import type { PreparedHearing } from './prepared-hearing.ts';
import { digestOf } from './shared-vendors.ts';
import type { ChannelOfVendors, VendorPool, VendorSet } from './vendor-pool.ts';

/** From the carrier's question to the call's first sound; what nobody has come for by then is closed. */
const WAIT_MS = 15_000;

type Acquired = { readonly set: VendorSet; release(): void };
type Waiting = {
  readonly brainId: string;
  readonly heard: AudioFormat;
  readonly acquired: Acquired;
  readonly hearing: PreparedHearing;
  readonly cancelExpiry: Cancel;
};

/** Vendors that are connected for calls about to come: their handshakes cost the caller nothing. */
export type WaitingRoom = {
  /** `audio`: what the call's line will carry; absent: a telephone's. */
  prepare(agent: AgentConfig, secrets: Secrets, channel: ChannelOfVendors, audio?: LineAudio): void;
  /** Vendors for a call: those that wait for it, or new ones. Every `take` is followed by one `release`. */
  take(
    agent: AgentConfig,
    secrets: Secrets,
    channel: ChannelOfVendors,
    audio?: LineAudio,
  ): Acquired;
  /** Closes all that wait. Nothing is prepared after it. */
  close(): void;
};

export function createWaitingRoom(pool: VendorPool, clock: Clock): WaitingRoom {
  const waiting = new Map<string, Waiting[]>();
  let isClosed = false;

  const remove = (instanceId: string, one: Waiting): void => {
    one.cancelExpiry();
    const rest = (waiting.get(instanceId) ?? []).filter((other) => other !== one);
    if (rest.length > 0) waiting.set(instanceId, rest);
    else waiting.delete(instanceId);
  };
  const discard = (instanceId: string, one: Waiting): void => {
    remove(instanceId, one);
    one.hearing.close();
    one.acquired.release();
  };

  return {
    prepare(agent, secrets, channel, { heard, spoken } = PHONE_LINE) {
      if (isClosed) return;
      const { instanceId } = channel;
      const acquired = pool.acquire(agent, secrets, channel);
      acquired.set.model.warm();
      const { language } = agent;
      acquired.set.speech.warm({ voice: acquired.set.voice, language, audio: spoken });
      const one: Waiting = {
        brainId: brainIdOf(agent, secrets),
        heard,
        acquired,
        hearing: prepareHearing(acquired.set.hearing, {
          language,
          keyterms: agent.voice.keyterms,
          audio: heard,
        }),
        cancelExpiry: clock.after(WAIT_MS, () => discard(instanceId, one)),
      };
      waiting.set(instanceId, [...(waiting.get(instanceId) ?? []), one]);
    },
    take(agent, secrets, channel, { heard } = PHONE_LINE) {
      const { instanceId } = channel;
      const brainId = brainIdOf(agent, secrets);
      // A brain or a key that was changed since then is not what the owner wants now.
      for (const one of waiting.get(instanceId) ?? []) {
        // It waits for a call of another kind of line.
        if (one.heard.sampleRateHz !== heard.sampleRateHz) continue;
        if (one.brainId === brainId && one.hearing.isUsable) {
          remove(instanceId, one);
          const { set, release } = one.acquired;
          return {
            set: { ...set, hearing: one.hearing.take() },
            release() {
              one.hearing.close();
              release();
            },
          };
        }
        discard(instanceId, one);
      }
      return pool.acquire(agent, secrets, channel);
    },
    close() {
      isClosed = true;
      for (const [instanceId, all] of waiting) for (const one of all) discard(instanceId, one);
    },
  };
}

const brainIdOf = (agent: AgentConfig, secrets: Secrets): string =>
  digestOf([
    JSON.stringify(agent),
    JSON.stringify(secretFields.map((field) => secrets[field] ?? null)),
  ]);
