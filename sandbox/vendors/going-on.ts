import type { Brain, BrainItem } from './brain.ts';

/** How the product asks a model to go on with another's answer. */
const BROKE_OFF = /answer broke off after "/;

/**
 * A model that goes on with an answer that broke off, as a good one does: with the words that follow
 * those it is shown, and no others. It would have given the same answer itself.
 */
export const goingOn =
  (brain: Brain): Brain =>
  (request) => {
    const { items } = request;
    const [given, note] = items.slice(-2);
    if (!isSaid(given, 'assistant') || !isSaid(note) || !BROKE_OFF.test(note.text))
      return brain(request);
    const reply = brain({ ...request, items: items.slice(0, -2) });
    const { text = '' } = reply;
    return text.startsWith(given.text)
      ? { ...reply, text: text.slice(given.text.length).trimStart() }
      : reply;
  };

const isSaid = (
  item: BrainItem | undefined,
  role?: 'assistant',
): item is Extract<BrainItem, { type: 'message' }> =>
  item?.type === 'message' && (role === undefined || item.role === role);
