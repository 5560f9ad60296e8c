import { demoBrain } from '#sandbox/demo/scenario.ts';
import { goingOn } from '#sandbox/vendors/going-on.ts';
import type { Brain } from '#sandbox/vendors/brain.ts';

/** Long enough to be talked into, in words that are easy to tell apart. */
export const STORY =
  'Once there was an old lighthouse by the sea, and every night its keeper lit the lamp for the fishing boats until the morning came.';

/** What the caller says to hear the story. */
export const ASK_FOR_STORY = 'Please tell me a story.';

/** The demo's model, which also tells a story and knows which keys were pressed. */
export const testBrain: Brain = goingOn((request) => {
  const last = request.items.findLast(
    (item) => item.type === 'message' && item.role !== 'assistant',
  );
  const text = last?.type === 'message' ? last.text : '';
  const keys = /pressed ([0-9*# ]+) on the keypad/.exec(text)?.[1];
  if (keys !== undefined)
    return { text: `You pressed ${keys.includes('4 2') ? 'forty two' : 'something else'}.` };
  return /story/i.test(text) ? { text: STORY } : demoBrain(request);
});
