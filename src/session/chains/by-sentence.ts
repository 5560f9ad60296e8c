import type { SpeakOptions, Spoken, TextToSpeech, Utterance } from '#contracts/text-to-speech.ts';
import { firstSentenceEnd } from '#conversation/policies/clauses.ts';
import { hasWords } from '#conversation/policies/words.ts';

/** All sound of the next so many characters has been said. */
export type SentenceEnd = { readonly type: 'sentence-end'; readonly lengthChars: number };

/** So many sentences are being made at one time: the next is ready when one ends, and no more sockets are needed. */
const AT_ONCE = 2;

type Sentence = {
  text: string;
  /** There is no more of it. */
  closed: boolean;
  utterance: Utterance | undefined;
  /** How much of the text the vendor was given. */
  givenChars: number;
  /** What was said before its turn. */
  readonly waiting: Spoken[];
  done: boolean;
};

/**
 * Speaks with a vendor that tells no word times, each sentence as an utterance of its own, so that it
 * is known where in the sound each sentence ends. What is said is in order; a failure is the last of it.
 */
export function speakBySentence(
  vendor: TextToSpeech,
  asked: SpeakOptions,
  on: (spoken: Spoken | SentenceEnd) => void,
): Utterance {
  const sentences: Sentence[] = [];
  let rest = '';
  let finished = false;
  let over = false;

  const end = (): void => {
    over = true;
    for (const { utterance, done } of sentences) if (!done) utterance?.cancel();
    sentences.length = 0;
  };

  const say = (of: Sentence, spoken: Spoken): void => {
    if (spoken.type === 'done') return ended(of);
    if (spoken.type === 'failed') end();
    on(spoken);
  };
  const ended = (of: Sentence): void => {
    sentences.shift();
    on({ type: 'sentence-end', lengthChars: of.text.length });
    if (over) return;
    const [next] = sentences;
    for (const spoken of next?.waiting.splice(0) ?? []) if (next && !over) say(next, spoken);
    if (!over) work();
  };

  const work = (): void => {
    for (const sentence of sentences.slice(0, AT_ONCE)) {
      sentence.utterance ??= vendor.speak(asked, (spoken) => {
        if (over) return;
        if (spoken.type === 'done' || spoken.type === 'failed') sentence.done = true;
        if (sentence === sentences[0]) say(sentence, spoken);
        else sentence.waiting.push(spoken);
      });
      // It may have failed at once.
      if (over) return sentence.utterance.cancel();
      const more = sentence.text.slice(sentence.givenChars);
      sentence.givenChars = sentence.text.length;
      if (more !== '') sentence.utterance.push(more);
      if (over) return;
      if (sentence.closed && !sentence.done) sentence.utterance.finish();
      if (over) return;
    }
    if (!finished || rest !== '' || sentences.length > 0) return;
    end();
    on({ type: 'done' });
  };

  /** Blanks and marks that make no sound wait for what does, or join what did. */
  const add = (text: string): void => {
    const last = sentences.at(-1);
    if (last && !last.closed) last.text += text;
    else if (!hasWords(rest + text)) {
      rest += text;
      return;
    } else {
      sentences.push({
        text: rest + text,
        closed: false,
        utterance: undefined,
        givenChars: 0,
        waiting: [],
        done: false,
      });
      rest = '';
    }
    const open = sentences.at(-1);
    if (!open) return;
    const firstEnd = firstSentenceEnd(open.text);
    if (firstEnd === 0) return;
    // What the vendor was given cannot be taken back.
    const at = Math.max(firstEnd, open.givenChars);
    const after = open.text.slice(at);
    open.text = open.text.slice(0, at);
    open.closed = true;
    if (after !== '') add(after);
  };

  return {
    push(text) {
      if (over || finished) return;
      add(text);
      work();
    },
    finish() {
      if (over || finished) return;
      finished = true;
      rest = '';
      const last = sentences.at(-1);
      if (last) last.closed = true;
      // Said after this call has returned.
      if (last) work();
      else queueMicrotask(() => over || work());
    },
    cancel() {
      if (!over) end();
    },
  };
}
