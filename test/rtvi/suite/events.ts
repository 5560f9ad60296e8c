import type { ClientEvent } from '../support/client-drive.ts';

/** As Pipecat's server tells of a turn. */
export const TURN_ORDER = [
  'onUserStartedSpeaking',
  'onUserTranscript',
  'onUserStoppedSpeaking',
  'onUserLlmText',
  'onBotLlmStarted',
  'onBotLlmText',
  'onBotTtsStarted',
  'onBotStartedSpeaking',
  'onBotOutput',
  'onBotTtsText',
] as const;

/** What a call by voice tells of in whatever order. */
export const EVERY_EVENT = [
  ...TURN_ORDER,
  'onBotReady',
  'onBotStoppedSpeaking',
  'onBotLlmStopped',
  'onBotTtsStopped',
  'onBotTranscript',
  'onMetrics',
  'onDisconnected',
] as const;

export const namesOf = (events: readonly ClientEvent[]): readonly string[] =>
  events.map(({ name }) => name);

/** The texts that the events of this name have. */
export const textsOf = (events: readonly ClientEvent[], name: string): readonly string[] =>
  events.flatMap((event) => {
    const { data } = event;
    if (event.name !== name || typeof data !== 'object' || data === null) return [];
    return 'text' in data ? [String(data.text)] : [];
  });
