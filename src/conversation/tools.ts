/** The tool with which the agent hangs up. It is part of the conversation: no session runs it. */
export const END_CALL_TOOL = 'end_call';
/** Hands the call over to somebody else. Ends with the input `transferred`, or with a result that says why not. */
export const TRANSFER_CALL_TOOL = 'transfer_call';
/** Sends tones to the other side. */
export const SEND_DIGITS_TOOL = 'send_digits';

/** Names that no other tool may have. */
export const BUILT_IN_TOOLS: readonly string[] = [
  END_CALL_TOOL,
  TRANSFER_CALL_TOOL,
  SEND_DIGITS_TOOL,
];

/**
 * Whether a tool takes the line for itself: it runs once all that the agent said before it was heard,
 * and the agent neither speaks nor is interrupted meanwhile.
 */
export const takesLine = (name: string): boolean =>
  name === TRANSFER_CALL_TOOL || name === SEND_DIGITS_TOOL;

/** Tool results that the conversation gives by itself, so that no call is ever without one. */
export const TOOL_RESULTS = {
  /** What the model is told of its hang-up, as long as nothing comes between. */
  hangUp: 'The call ends after your last words.',
  cancelled: 'Cancelled: the caller interrupted.',
  /** What the model is told of a transfer, or of keys, that the other side is still to carry out. */
  transferLater: 'The call is handed over after your last words.',
  keysLater: 'The keys are pressed after your last words.',
  /** Stands in until the true result takes its place. */
  goesOn: 'Not finished yet: the caller interrupted, and it goes on.',
  tooLate: 'Given up: there was no result in time.',
} as const;
