import { policyWith, talk } from '#test/support/conversation.ts';
import type { Talk } from '#test/support/conversation.ts';

const GREETING = { text: 'Hello, this is Luigi. How can I help you?' };

/** Calls in virtual time, each about one thing that must not change unnoticed; the same every time. */
export const talks: Readonly<Record<string, { readonly call: string; readonly play: () => Talk }>> =
  {
    interruption: {
      call: 'A caller coughs into an answer, which goes on; then cuts in, and it ends.',
      play() {
        const call = talk(policyWith({ greeting: GREETING }), {
          thoughts: [
            'We have a quiet corner by the window, or a long table on the terrace under the tree.',
            'The corner it is. Goodbye.',
          ],
        });
        call.wait(5_000);
        call.say('Which tables do you have?');
        call.wait(2_500);
        call.cough(400);
        call.wait(3_000);
        call.say('The corner please.');
        call.wait(6_000);
        call.send({ type: 'closed', by: 'caller' });
        return call;
      },
    },
    hesitation: {
      call: 'A caller stops in the middle of a sentence; what was prepared meanwhile is not heard.',
      play() {
        const call = talk(policyWith(), {
          thoughts: ['At what time?', 'At half past seven, gladly.', 'For whom?'],
        });
        call.say('We would like to come at');
        call.wait(1_300);
        call.say('half past seven.');
        call.wait(5_000);
        call.say('Thank you.');
        call.wait(5_000);
        call.send({ type: 'closed', by: 'caller' });
        return call;
      },
    },
    failover: {
      call: 'The model, the voice and the recogniser each fail, and the next ones go on.',
      play() {
        const call = talk(policyWith({ greeting: GREETING }), {
          thoughts: ['Of course. How many people will you be?', 'Four, gladly.'],
          voice: { speechMs: 900 },
        });
        const trouble = { vendor: 'acme', message: 'the connection was lost', to: 'other' };
        call.wait(300);
        call.send({ type: 'vendor-switched', role: 'text-to-speech', replyId: 1, ...trouble });
        call.wait(6_000);
        call.begin('I would like a table for Friday.');
        call.wait(900);
        call.send({ type: 'vendor-switched', role: 'speech-to-text', ...trouble });
        call.send({ type: 'hearing-changed', vendorDecides: false });
        call.wait(2_000);
        const replyId = call.state.reply?.id;
        if (replyId !== undefined)
          call.send({ type: 'vendor-switched', role: 'language-model', replyId, ...trouble });
        call.wait(5_000);
        call.say('Four people.');
        call.wait(5_000);
        call.send({
          type: 'vendor-failed',
          role: 'speech-to-text',
          vendor: 'other',
          message: 'gone',
        });
        call.toEnd();
        return call;
      },
    },
    tool: {
      call: 'A slow tool is bridged; one that goes on over an interruption gives its result later.',
      play() {
        const call = talk(policyWith(), {
          thoughts: [
            { text: 'Let me look.', tools: [{ name: 'look_up' }] },
            'There is one by the window. Shall I book it for you now, or later?',
            { text: 'I book it.', tools: [{ name: 'book', lasting: true }] },
            'Yes, for four.',
          ],
          voice: { toolMs: 4_500 },
        });
        call.say('Is there a table?');
        call.wait(9_000);
        call.say('Now please.');
        call.wait(2_600);
        call.say('For four people.');
        call.wait(9_000);
        call.send({ type: 'closed', by: 'caller' });
        return call;
      },
    },
    transfer: {
      call: 'The agent says its words, hands the call over, and is no longer part of it.',
      play() {
        const call = talk(policyWith(), {
          thoughts: [
            {
              text: 'I will put you through.',
              tools: [{ name: 'transfer_call', arguments: '{"to":"sales"}' }],
            },
          ],
          voice: { toolMs: Infinity },
        });
        call.say('A person, please.');
        call.wait(4_000);
        const reply = call.state.reply;
        const callId = reply?.runningTools[0]?.callId;
        if (reply && callId !== undefined)
          call.send({ type: 'transferred', replyId: reply.id, callId, to: 'sales' });
        call.toEnd();
        return call;
      },
    },
    idle: {
      call: 'Nobody speaks: the agent asks, somebody coughs, the agent says goodbye.',
      play() {
        const call = talk(policyWith({ greeting: GREETING }));
        call.wait(18_000);
        call.cough(600);
        call.toEnd();
        return call;
      },
    },
    goodbye: {
      call: 'The caller presses keys and says goodbye, and so does the agent, which hangs up.',
      play() {
        const call = talk(policyWith({ endpointing: { vendorDecides: true } }), {
          thoughts: [
            'You pressed four two.',
            {
              text: 'Thank you for calling. Goodbye!',
              tools: [{ name: 'end_call', arguments: '{"farewell":"Goodbye!"}' }],
            },
          ],
        });
        call.send({ type: 'key', digit: '4' });
        call.wait(400);
        call.send({ type: 'key', digit: '2' });
        call.wait(5_000);
        call.say('That is all. Goodbye.', { eagerAfterMs: 150 });
        call.wait(1_500);
        call.say('Bye.');
        call.toEnd();
        return call;
      },
    },
  };
