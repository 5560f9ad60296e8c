import type { AgentSettings } from './agent-body.ts';
import type { WeightedAgents } from './number-body.ts';
import type { TranscriptEntry } from './transcript.ts';

export type AgentVersion = {
  readonly version: number;
  settings: AgentSettings;
  isPublished: boolean;
  modifiedAtMs: number;
  readonly baseVersion: number | undefined;
};

export type Agent = { readonly agentId: string; readonly versions: AgentVersion[] };

export type PhoneNumber = {
  /** E.164, or whatever was imported without that check. */
  readonly phoneNumber: string;
  readonly type: 'retell-twilio' | 'retell-telnyx' | 'custom';
  modifiedAtMs: number;
  nickname: string | null | undefined;
  areaCode: number | undefined;
  inboundAgents: WeightedAgents | null | undefined;
  outboundAgents: WeightedAgents | null | undefined;
  inboundWebhookUrl: string | null | undefined;
  fallbackNumber: string | null | undefined;
  allowedInbound: readonly string[] | null | undefined;
  allowedOutbound: readonly string[] | null | undefined;
  terminationUri: string | undefined;
  authUsername: string | undefined;
  authPassword: string | undefined;
  transport: string | null | undefined;
};

/** One customer of Retell: keys, agents, numbers and calls that no other customer sees. */
export type Workspace = {
  /** Of the REST API; any of them opens it. */
  readonly apiKeys: readonly string[];
  /** The one of them that carries the webhook badge and signs. */
  readonly webhookKey: string;
  /** Of the whole account; an agent's own one takes its place. */
  readonly webhookUrl: string | undefined;
  /** Calls at one time. */
  readonly concurrencyLimit: number;
  readonly agents: Map<string, Agent>;
  readonly numbers: Map<string, PhoneNumber>;
  readonly calls: Map<string, RetellCall>;
  /** Ids of Retell's own response engines, which agents of an account's own refer to. */
  readonly engineIds: Set<string>;
};

export type CallStatus = 'registered' | 'not_connected' | 'ongoing' | 'ended' | 'error';

/** One call, as the whole of Retell knows it. Times are epoch milliseconds. */
export type RetellCall = {
  readonly workspace: Workspace;
  readonly callId: string;
  readonly type: 'phone_call' | 'web_call';
  readonly direction: 'inbound' | 'outbound';
  readonly from: string;
  readonly to: string;
  readonly agentId: string;
  readonly agentVersion: number;
  /** Of the agent's version, with the overrides of this call; `update_agent` changes them. */
  settings: AgentSettings;
  metadata: unknown;
  dynamicVariables: Readonly<Record<string, string>> | undefined;
  readonly customSipHeaders: Readonly<Record<string, string>> | undefined;
  readonly createdAtMs: number;
  /** Whether the number is the customer's own, at a trunk that costs Retell nothing. */
  readonly ownTrunk: boolean;
  status: CallStatus;
  startMs: number | undefined;
  endMs: number | undefined;
  disconnectionReason: string | undefined;
  transferDestination: string | undefined;
  isAnalyzed: boolean;
  readonly transcript: TranscriptEntry[];
  readonly latency: LatencySamples;
  /** Of Retell's own language model; one number for each request. */
  readonly tokens: number[];
  /** What ends the call from outside while it is live; undefined before and after. */
  stop: ((reason: string) => void) | undefined;
};

/** Milliseconds, one for each time. */
export type LatencySamples = {
  /** The caller's last word to the agent's first. */
  readonly e2e: number[];
  readonly llm: number[];
  readonly llm_websocket_network_rtt: number[];
  readonly tts: number[];
  readonly asr: number[];
};
