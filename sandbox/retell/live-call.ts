import type { Clock } from '#lib/clock.ts';
import type { Step } from '#sandbox/caller/script.ts';
import type { Network } from '#sandbox/carrier/network.ts';
import { createLine } from './line/line.ts';
import type { Line } from './line/line.ts';
import { llmSocket } from './line/llm-socket.ts';
import { ownAgent } from './line/own-agent.ts';
import type { OwnBrain } from './line/own-agent.ts';
import { lineCaller } from './line/scripted-caller.ts';
import { isError } from './phone-call.ts';
import type { CallOutcome, Live } from './phone-call.ts';
import { renderCall, transcripts } from './retell-call.ts';
import type { RetellCall } from './account.ts';
import type { Webhooks } from './webhooks.ts';

const TRANSFER_MS = 2_000;
const ANALYSIS_MS = 400;

/**
 * A call from its answer to its analysis: the line, its webhooks in their order, and what the call
 * object holds in the end. Guessed: a cold transfer that is not answered leaves the call where it was;
 * `transfer_ended` follows the end of the call a moment later, as nobody listens in on the other leg;
 * `transcript_updated` holds the transcripts inside `call`.
 */
export async function runCall(options: {
  readonly clock: Clock;
  readonly network: Network;
  readonly webhooks: Webhooks;
  readonly ownBrain: OwnBrain;
  readonly call: RetellCall;
  readonly script: readonly Step[];
  readonly live: Live;
  /** Whether somebody takes a call that is transferred there. */
  readonly isAnsweredAt: (phoneNumber: string) => boolean;
}): Promise<CallOutcome> {
  const { clock, network, webhooks, call, live } = options;
  const ended = Promise.withResolvers<string>();
  const tellTranscript = (): void =>
    webhooks.send(call, 'transcript_updated', {
      call: { ...renderCall(call, 'webhook'), ...transcripts(call) },
    });

  call.startMs = Math.floor(clock.now());
  call.status = 'ongoing';
  call.stop = ended.resolve;
  live.hangUp = () => ended.resolve('user_hangup');

  const transfer = (number: string): void => {
    if (call.type === 'web_call') return;
    const about = {
      transfer_destination: { number },
      transfer_option: { type: 'cold_transfer', show_transferee_as_caller: false },
    };
    webhooks.send(call, 'transfer_started', about);
    clock.after(TRANSFER_MS, () => {
      if (call.endMs !== undefined) return webhooks.send(call, 'transfer_cancelled', about);
      if (!options.isAnsweredAt(number)) return webhooks.send(call, 'transfer_cancelled', about);
      call.transferDestination = number;
      webhooks.send(call, 'transfer_bridged', about);
      ended.resolve('call_transfer');
    });
  };
  const { response_engine: engine } = call.settings;
  const line: Line = createLine({
    clock,
    call,
    agentSide: (lineSide) =>
      engine.type === 'custom-llm'
        ? llmSocket({
            clock,
            network,
            call,
            baseUrl: engine.llm_websocket_url,
            line: lineSide,
            record: (frame) => void live.frames.push(frame),
          })
        : ownAgent({ clock, call, line: lineSide, brain: options.ownBrain }),
    onEnd: ended.resolve,
    onTransfer: transfer,
    onTurn: tellTranscript,
  });
  const caller = lineCaller({ clock, line, script: options.script });

  webhooks.send(call, 'call_started');
  line.start();
  caller.follow().catch(ended.reject);
  const reason = await ended.promise.finally(() => line.stop());

  call.stop = undefined;
  live.hangUp = undefined;
  call.endMs = Math.floor(clock.now());
  call.status = isError(reason) ? 'error' : 'ended';
  call.disconnectionReason = reason;
  const record = caller.ended(reason === 'user_hangup' ? 'caller' : 'other-side');
  tellTranscript();
  webhooks.send(call, 'call_ended');
  await clock.sleep(ANALYSIS_MS);
  if (reason === 'call_transfer') webhooks.send(call, 'transfer_ended');
  call.isAnalyzed = true;
  webhooks.send(call, 'call_analyzed');
  return { callId: call.callId, reason, record, keys: line.sound.keys };
}
