import type { Input } from '#conversation/input.ts';
import type { TimerName } from '#conversation/timer-name.ts';
import type { Ask, Firing } from './asks.ts';

/** What a turn that was led again rests on besides the recording. */
export type Assumption =
  /** The model answers the same question alike, though something before it was heard otherwise. */
  | 'other-context'
  /** Asked the same twice, it answers the same. */
  | 'asked-again'
  /** The line plays on steadily where the recording was silenced. */
  | 'line-plays-on';

export type Kind = Ask['kind'];

/** Something to come. `of` is the reply it is about. */
export type Event =
  | { readonly is: 'timer'; readonly name: TimerName; readonly firing?: Firing }
  | {
      readonly is: 'input';
      readonly input: Input;
      readonly of?: number;
      readonly kind?: Kind;
      /** When the line told it is not known, but reckoned. */
      readonly isReckoned?: boolean;
    }
  | { readonly is: 'dry'; readonly of: number; readonly kind: Kind; readonly callId?: string };
