export const timerNames = [
  /** The caller's turn counts as over. */
  'endpoint',
  /** The caller's turn may be over: prepare the reply on trial. */
  'eager',
  /** The caller has spoken long enough over the agent. */
  'barge-in',
  /** The agent paused, and nobody said a word since. */
  'resume',
  'idle',
  /** The agent is due to be heard and is not. */
  'dead-air',
  /** The same, long before anything is done about it: the journal is to say why. */
  'silence',
  /** A tool runs, and the agent says nothing. */
  'tool-filler',
  /** No further key was pressed. */
  'keys',
  'max-duration',
  /** The call ends now, whatever is still going on. */
  'ending',
] as const;

export type TimerName = (typeof timerNames)[number];
