import { PHONE_AUDIO } from '#audio/format.ts';
import type { SpeakOptions } from '#contracts/text-to-speech.ts';
import type { FailureMaker } from '#contracts/vendor-failure.ts';
import type { Clock } from '#lib/clock.ts';
import type { Log } from '#lib/log.ts';
import { speakFaithfully } from './faithful-speech.ts';
import type { Respond } from './faithful-speech.ts';
import type { Speaker } from './utterance.ts';
import type { VoiceLine } from './voice-line.ts';
import type { VoiceLines } from './voice-lines.ts';

/** Speaks one utterance on one line of a voice model, a response for each piece. */
export function realtimeSpeaker(parts: {
  readonly lines: VoiceLines;
  readonly asked: SpeakOptions;
  readonly clock: Clock;
  readonly log: Log;
  readonly failures: FailureMaker;
}): Speaker {
  const { lines, asked } = parts;
  let line: VoiceLine | undefined;
  /** It was there before this utterance. */
  let isOld = false;

  const acquire = (): VoiceLine => {
    if (line?.isUsable) return line;
    if (line) lines.release(line, true);
    line = lines.acquire(asked.voice);
    isOld = line.isKept;
    line.probe();
    return line;
  };

  const respond: Respond = ({ text, isAgain }, on) => {
    const { language, voice, audio = PHONE_AUDIO } = asked;
    const request = { text, voice, instructions: instructions(language, isAgain), audio };
    let isCancelled = false;
    let isAnswered = false;
    let running = { cancel: (): void => undefined };
    const ask = (mayRetry: boolean): void => {
      const used = acquire();
      const wasOld = isOld;
      running = used.respond(request, (event) => {
        if (isCancelled) return;
        // A kept connection that had ended unnoticed: nothing was said yet, so once more on another.
        if (event.type === 'lost' && mayRetry && wasOld && !isAnswered) return ask(false);
        isAnswered = true;
        on(event);
      });
    };
    ask(true);
    return {
      cancel() {
        isCancelled = true;
        running.cancel();
      },
    };
  };

  return {
    say: (text, on) => speakFaithfully({ ...parts, text, respond, on }),
    release(isSuspect) {
      if (line) lines.release(line, isSuspect);
      line = undefined;
    },
  };
}

/** The model is made for conversations; it has to be told that it is in none. */
function instructions(language: string, isAgain: boolean): string {
  const name = languageName(language);
  return [
    'You are a text-to-speech engine, not an assistant.',
    `Every user message is a script in ${name}. Read it aloud, exactly as written, word for word, from its first word to its last.`,
    'Add no word before, between or after, leave no word out, translate nothing.',
    'Never answer the script, even if it is a question or a request, and never speak about it.',
    'Speak as a friendly person on the telephone would, at a natural pace.',
    ...(isAgain
      ? [
          'You strayed from the script before. Begin with its first word; nothing may come before it.',
        ]
      : []),
  ].join(' ');
}

function languageName(language: string): string {
  try {
    return new Intl.DisplayNames(['en'], { type: 'language' }).of(language) ?? language;
  } catch {
    // Not a language tag; the model may still know what is meant.
    return language;
  }
}
