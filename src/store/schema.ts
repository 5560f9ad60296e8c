import { customType, boolean, doublePrecision, integer, json, jsonb } from 'drizzle-orm/pg-core';
import { bigint, pgSchema, primaryKey, text, timestamp, uuid } from 'drizzle-orm/pg-core';
import type { JsonRecord } from '#lib/record.ts';
import type { Call, EndReason, Turn, Waterfall } from '#protocol/calls.ts';
import type { ChannelStatus, ProviderName } from '#protocol/voice-channel.ts';
import { sql } from 'drizzle-orm';
import type { VendorRole } from '#protocol/calls-summary.ts';
import type { JournalEntry, Wiring } from './store.ts';

/**
 * The tables as queries see them. Constraints, indexes, policies and grants live in
 * `migrations/`, which alone make the database; a test compares the two.
 */
const hydracore = pgSchema('hydracore');

const bytes = customType<{ data: Uint8Array }>({ dataType: () => 'bytea' });
const moment = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' });

export const masterKey = hydracore.table('master_key', {
  onlyRow: boolean('only_row').primaryKey().default(true),
  id: text('id').notNull(),
});

export const tenants = hydracore.table('tenants', {
  id: text('id').primaryKey(),
  wrappedDataKey: bytes('wrapped_data_key').notNull(),
  masterKeyId: text('master_key_id').notNull(),
  createdAt: moment('created_at').notNull(),
});

export const instances = hydracore.table('instances', {
  id: uuid('id').primaryKey(),
  tenantId: text('tenant_id').notNull(),
  name: text('name').notNull(),
  agentConfig: jsonb('agent_config').notNull(),
  internalKeyHash: bytes('internal_key_hash'),
  createdAt: moment('created_at').notNull(),
  updatedAt: moment('updated_at').notNull(),
});

export const apiKeys = hydracore.table('api_keys', {
  id: uuid('id').primaryKey(),
  tenantId: text('tenant_id').notNull(),
  name: text('name').notNull(),
  keyType: text('key_type', { enum: ['live', 'test'] }).notNull(),
  keyPrefix: text('key_prefix').notNull(),
  keyHash: bytes('key_hash').notNull(),
  scopes: text('scopes').array().notNull(),
  expiresAt: moment('expires_at'),
  createdAt: moment('created_at').notNull(),
  lastUsedAt: moment('last_used_at'),
  revokedAt: moment('revoked_at'),
});

export const channels = hydracore.table('channels', {
  id: uuid('id').primaryKey(),
  tenantId: text('tenant_id').notNull(),
  instanceId: uuid('instance_id').notNull(),
  provider: text('provider').$type<ProviderName>().notNull(),
  agentId: text('agent_id'),
  phoneNumber: text('phone_number'),
  twilioAccountSid: text('twilio_account_sid'),
  twilioPhoneNumber: text('twilio_phone_number'),
  enabled: boolean('enabled').notNull(),
  status: text('status').$type<ChannelStatus>().notNull(),
  errorMessage: text('error_message'),
  wiring: jsonb('wiring').$type<Wiring>().notNull(),
  lastEventAt: moment('last_event_at'),
  createdAt: moment('created_at').notNull(),
  updatedAt: moment('updated_at').notNull(),
});

export const channelSecrets = hydracore.table(
  'channel_secrets',
  {
    tenantId: text('tenant_id').notNull(),
    instanceId: uuid('instance_id').notNull(),
    field: text('field').notNull(),
    sealed: bytes('sealed').notNull(),
  },
  (table) => [primaryKey({ columns: [table.tenantId, table.instanceId, table.field] })],
);

export const agentSecrets = hydracore.table(
  'agent_secrets',
  {
    tenantId: text('tenant_id').notNull(),
    instanceId: uuid('instance_id').notNull(),
    field: text('field').notNull(),
    sealed: bytes('sealed').notNull(),
  },
  (table) => [primaryKey({ columns: [table.tenantId, table.instanceId, table.field] })],
);

export const wiringJobs = hydracore.table('wiring_jobs', {
  id: uuid('id').primaryKey(),
  tenantId: text('tenant_id').notNull(),
  instanceId: uuid('instance_id').notNull(),
  kind: text('kind', { enum: ['apply', 'undo'] }).notNull(),
  sealedPayload: bytes('sealed_payload'),
  dueAt: moment('due_at').notNull(),
  attempts: integer('attempts').notNull().default(0),
  lastError: text('last_error'),
  revision: integer('revision').notNull().default(0),
  claim: uuid('claim'),
  claimedRevision: integer('claimed_revision'),
  leasedUntil: moment('leased_until'),
  createdAt: moment('created_at').notNull(),
});

export const calls = hydracore.table('calls', {
  id: uuid('id').primaryKey(),
  tenantId: text('tenant_id').notNull(),
  instanceId: uuid('instance_id').notNull(),
  provider: text('provider').$type<ProviderName>().notNull(),
  carrierCallId: text('carrier_call_id').notNull(),
  callerPhone: text('caller_phone').notNull(),
  calledPhone: text('called_phone').notNull(),
  nodeId: text('node_id').notNull(),
  state: text('state').$type<Call['state']>().notNull(),
  startedAt: moment('started_at').notNull(),
  endedAt: moment('ended_at'),
  endReason: text('end_reason').$type<EndReason>(),
  endDetail: text('end_detail'),
});

export const turns = hydracore.table(
  'turns',
  {
    tenantId: text('tenant_id').notNull(),
    callId: uuid('call_id').notNull(),
    index: integer('index').notNull(),
    role: text('role', { enum: ['caller', 'agent'] }).notNull(),
    text: text('text').notNull(),
    heard: text('heard').notNull(),
    interrupted: boolean('interrupted').notNull(),
    startMs: doublePrecision('start_ms').notNull(),
    endMs: doublePrecision('end_ms').notNull(),
    waterfallMs: jsonb('waterfall_ms').$type<Waterfall>().notNull(),
    /** `played` of the waterfall: the database takes it out. */
    playedMs: doublePrecision('played_ms').generatedAlwaysAs(
      sql`(waterfall_ms ->> 'played')::double precision`,
    ),
  },
  (table) => [primaryKey({ columns: [table.tenantId, table.callId, table.index] })],
);

export const journals = hydracore.table(
  'journals',
  {
    tenantId: text('tenant_id').notNull(),
    callId: uuid('call_id').notNull(),
    sequence: bigint('sequence', { mode: 'number' }).generatedAlwaysAsIdentity(),
    entries: json('entries').$type<readonly JournalEntry[]>().notNull(),
  },
  (table) => [primaryKey({ columns: [table.tenantId, table.callId, table.sequence] })],
);

export const vendorFailures = hydracore.table(
  'vendor_failures',
  {
    tenantId: text('tenant_id').notNull(),
    callId: uuid('call_id').notNull(),
    atMs: doublePrecision('at_ms').notNull(),
    role: text('role').$type<VendorRole>().notNull(),
    vendor: text('vendor').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.callId, table.atMs, table.role, table.vendor] }),
  ],
);

export const providerEvents = hydracore.table(
  'provider_events',
  {
    tenantId: text('tenant_id').notNull(),
    instanceId: uuid('instance_id').notNull(),
    carrierCallId: text('carrier_call_id').notNull(),
    key: text('key').notNull(),
    rank: text('rank').notNull(),
    name: text('name').notNull(),
    body: json('body').$type<JsonRecord>().notNull(),
    receivedAt: moment('received_at').notNull(),
    dueAt: moment('due_at'),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.instanceId, table.carrierCallId, table.key] }),
  ],
);

export const providerCalls = hydracore.table(
  'provider_calls',
  {
    tenantId: text('tenant_id').notNull(),
    callId: uuid('call_id').notNull(),
    isLed: boolean('is_led').notNull().default(false),
    turns: jsonb('turns').$type<readonly Turn[]>().notNull().default([]),
    record: json('record').$type<JsonRecord>(),
    isEndFolded: boolean('is_end_folded').notNull().default(false),
    sessionEndReason: text('session_end_reason').$type<EndReason>(),
    checkAt: moment('check_at'),
    checks: integer('checks').notNull().default(0),
  },
  (table) => [primaryKey({ columns: [table.tenantId, table.callId] })],
);

export const erasedCalls = hydracore.table(
  'erased_calls',
  {
    tenantId: text('tenant_id').notNull(),
    instanceId: uuid('instance_id').notNull(),
    carrierCallHash: bytes('carrier_call_hash').notNull(),
    erasedAt: moment('erased_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.tenantId, table.instanceId, table.carrierCallHash] })],
);

export const mediaTokens = hydracore.table('media_tokens', {
  tokenHash: bytes('token_hash').primaryKey(),
  tenantId: text('tenant_id').notNull(),
  instanceId: uuid('instance_id').notNull(),
  callId: uuid('call_id').notNull(),
  expiresAt: moment('expires_at').notNull(),
});

export const nodes = hydracore.table('nodes', {
  id: text('id').primaryKey(),
  lastSeenAt: moment('last_seen_at').notNull(),
});
