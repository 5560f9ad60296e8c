/** One entry of what was said and done in a call, as the side that owns its sound knows it. */
export type Said =
  /** An agent's words as far as they were spoken; a caller's as far as they were understood. */
  | { readonly role: 'caller' | 'agent'; readonly text: string }
  | { readonly role: 'key'; readonly digit: string }
  | {
      readonly role: 'tool-call';
      readonly callId: string;
      readonly name: string;
      /** JSON text. */
      readonly arguments: string;
    }
  | { readonly role: 'tool-result'; readonly callId: string; readonly result: string };

/** All of a call so far, oldest first. Later ones may say differently what earlier ones said. */
export type Transcript = readonly Said[];

/** What arrives from the side that owns the sound. After `closed` nothing more does. */
export type WordsListener = {
  said(transcript: Transcript): void;
  /** The agent is to speak: the caller's turn is over, or nobody has spoken for long. A newer one supersedes. */
  due(why: 'answer' | 'prompt', transcript: Transcript): void;
  /** The other one begins to speak. */
  turn(of: 'caller' | 'agent'): void;
  /** For the journal: a connection lost, something that could not be read. */
  note(text: string): void;
  /** `caller`: the other side has ended the call; `broken`: the connection died and nobody came back. */
  closed(by: 'caller' | 'broken'): void;
};

/** What the other side does once it has spoken a speech to its end; an interruption cancels it. */
export type AfterSpeech =
  | { readonly type: 'end' }
  /** E.164. */
  | { readonly type: 'transfer'; readonly phoneNumber: string }
  /** 0 to 9, * and #. */
  | { readonly type: 'keys'; readonly keys: string };

export type SpeechOptions = { readonly interruptible: boolean };

/** What the other side is to know of the agent. */
export type AgentManners = {
  /** Silence after which a prompt is due, and how many of them in a row. */
  readonly promptAfterMs: number;
  readonly promptCount: number;
  readonly interruptible: boolean;
};

/**
 * A call of which only words come and go: the other side hears, speaks and takes turns. It waits for
 * the agent from the start, and after every `due`, until a speech is finished or `yieldTurn`.
 */
export type WordsTransport = {
  readonly name: string;
  /** Set once. What arrived before, as far as it still means something, is told after it has returned. */
  listen(listener: WordsListener): void;
  describe(manners: AgentManners): void;
  /**
   * Adds to a speech. A new `speechId` ends all others: it answers what is due, else it interrupts. Of
   * a speech that a newer `due` has superseded nothing more is taken.
   */
  say(speechId: number, text: string, options: SpeechOptions): void;
  /** No more text for this speech, which may have none at all. */
  finish(speechId: number, options: SpeechOptions & { readonly afterwards?: AfterSpeech }): void;
  /** Nothing more comes of it. What was given is spoken on until something else is. */
  drop(speechId: number): void;
  /** The agent has nothing to say to what is due, if anything is. */
  yieldTurn(): void;
  /** For the other side's record. */
  toolCalled(call: {
    readonly callId: string;
    readonly name: string;
    readonly arguments: string;
  }): void;
  toolAnswered(callId: string, result: string, isSuccess: boolean): void;
  /** Ends the call, unless the other side has; after it nothing more arrives. */
  close(): void;
};
