import type { RetellCall } from './account.ts';
import { costOf, statisticsOf } from './call-figures.ts';
import { textOfTranscript, utterancesOf } from './transcript.ts';

/**
 * The call object of the REST API and the webhooks. What is not known yet is absent, as are metadata
 * and dynamic variables that nobody set.
 *
 * @param view `webhook` of an ended call never holds the analysis unless it was made; `list` leaves
 *   the transcripts out; a call that stores basic attributes only shows transcripts and recordings to
 *   webhooks alone
 */
export function renderCall(call: RetellCall, view: 'get' | 'list' | 'webhook'): object {
  const isOver = call.endMs !== undefined;
  const isPhone = call.type === 'phone_call';
  const storage = call.settings.data_storage_setting ?? 'everything';
  const isKept = view === 'webhook' || storage !== 'basic_attributes_only';
  const files = `https://recordings.retell.example.test/${call.callId}`;
  const wasHeard = call.startMs !== undefined;
  return {
    call_type: call.type,
    ...(isPhone && {
      from_number: call.from,
      to_number: call.to,
      direction: call.direction,
      ...(wasHeard && !call.ownTrunk && { telephony_identifier: { twilio_call_sid: sidOf(call) } }),
    }),
    call_id: call.callId,
    agent_id: call.agentId,
    agent_version: call.agentVersion,
    agent_name: call.settings.agent_name ?? '',
    call_status: call.status,
    ...(call.metadata !== undefined && { metadata: call.metadata }),
    ...(call.dynamicVariables && { retell_llm_dynamic_variables: call.dynamicVariables }),
    ...(call.customSipHeaders && { custom_sip_headers: call.customSipHeaders }),
    data_storage_setting: storage,
    opt_in_signed_url: call.settings.opt_in_signed_url ?? false,
    ...(call.startMs !== undefined && { start_timestamp: call.startMs }),
    ...(isOver && {
      end_timestamp: call.endMs,
      duration_ms: (call.endMs ?? 0) - (call.startMs ?? call.endMs ?? 0),
      disconnection_reason: call.disconnectionReason,
      collected_dynamic_variables: {},
      ...(call.transferDestination !== undefined && {
        transfer_destination: call.transferDestination,
      }),
      ...(isKept && view !== 'list' && transcripts(call)),
      ...(isKept &&
        wasHeard && {
          recording_url: `${files}/recording.wav`,
          recording_multi_channel_url: `${files}/recording_multichannel.wav`,
          public_log_url: `${files}/public.log`,
        }),
      latency: Object.fromEntries(
        Object.entries(call.latency).flatMap(([name, values]) =>
          values.length === 0 ? [] : [[name, statisticsOf(values)]],
        ),
      ),
      call_cost: costOf(call),
      ...(call.tokens.length > 0 && {
        llm_token_usage: {
          values: call.tokens,
          average: call.tokens.reduce((sum, count) => sum + count, 0) / call.tokens.length,
          num_requests: call.tokens.length,
        },
      }),
    }),
    ...(call.isAnalyzed && { call_analysis: analysisOf(call) }),
  };
}

export const transcripts = (call: RetellCall): object => ({
  transcript: textOfTranscript(call.transcript),
  transcript_object: utterancesOf(call.transcript),
  transcript_with_tool_calls: call.transcript,
});

const analysisOf = (call: RetellCall): object => {
  const turns = utterancesOf(call.transcript).length;
  return {
    call_summary:
      turns === 0
        ? 'Nothing was said.'
        : `The caller and the agent talked for ${turns} turns; the call ended with ${call.disconnectionReason ?? 'no reason'}.`,
    in_voicemail: call.disconnectionReason === 'voicemail_reached',
    user_sentiment: turns === 0 ? 'Unknown' : 'Neutral',
    call_successful: call.status === 'ended' && turns > 0,
    custom_analysis_data: {},
  };
};

/** The same for the same call, always. */
const sidOf = (call: RetellCall): string =>
  `CA${call.callId
    .replace(/^call_/, '')
    .padEnd(32, '0')
    .slice(0, 32)}`;
