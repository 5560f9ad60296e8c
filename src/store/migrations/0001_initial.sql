-- Two roles do all the work; the one that logs in only migrates. `hydracore_app` sees the rows of
-- the tenant named by the setting hydracore.tenant_id, and nothing when it is not set.
-- `hydracore_system` does the few things that come before a tenant is known, or concern all of
-- them: it is granted just the columns these need.
-- Keys start with the tenant, so that a row of one cannot stand in the way of another's.
--
-- A later migration that changes rows has to lift `force row level security` for its duration: the
-- owner of the tables is no superuser everywhere.

grant usage on schema hydracore to hydracore_app, hydracore_system;

create function hydracore.current_tenant() returns text
  language sql stable parallel safe
  as $$ select current_setting('hydracore.tenant_id', true) $$;

-- The id of the master key that wraps data keys; all nodes follow it.
create table hydracore.master_key (
  only_row boolean primary key default true check (only_row),
  id text not null
);
grant select, insert, update on hydracore.master_key to hydracore_system;

create table hydracore.tenants (
  id text primary key check (id <> ''),
  wrapped_data_key bytea not null,
  master_key_id text not null,
  created_at timestamptz not null
);
alter table hydracore.tenants enable row level security;
alter table hydracore.tenants force row level security;
create policy own_tenant on hydracore.tenants to hydracore_app
  using (id = hydracore.current_tenant());
create policy all_tenants on hydracore.tenants to hydracore_system using (true) with check (true);
grant select on hydracore.tenants to hydracore_app;
grant select, insert on hydracore.tenants to hydracore_system;
grant update (wrapped_data_key, master_key_id) on hydracore.tenants to hydracore_system;

create table hydracore.instances (
  id uuid primary key,
  tenant_id text not null references hydracore.tenants (id),
  name text not null,
  agent_config jsonb not null,
  internal_key_hash bytea,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  unique (tenant_id, id)
);
create index instances_by_age on hydracore.instances (tenant_id, created_at, id);
alter table hydracore.instances enable row level security;
alter table hydracore.instances force row level security;
create policy own_tenant on hydracore.instances to hydracore_app
  using (tenant_id = hydracore.current_tenant())
  with check (tenant_id = hydracore.current_tenant());
create policy all_tenants on hydracore.instances for select to hydracore_system using (true);
grant select, insert, update, delete on hydracore.instances to hydracore_app;
grant select (id, tenant_id, internal_key_hash) on hydracore.instances to hydracore_system;

create table hydracore.api_keys (
  id uuid primary key,
  tenant_id text not null references hydracore.tenants (id),
  name text not null,
  key_type text not null check (key_type in ('live', 'test')),
  key_prefix text not null,
  key_hash bytea not null unique,
  scopes text[] not null,
  expires_at timestamptz,
  created_at timestamptz not null,
  last_used_at timestamptz,
  revoked_at timestamptz
);
create index api_keys_by_age on hydracore.api_keys (tenant_id, created_at, id);
alter table hydracore.api_keys enable row level security;
alter table hydracore.api_keys force row level security;
create policy own_tenant on hydracore.api_keys to hydracore_app
  using (tenant_id = hydracore.current_tenant())
  with check (tenant_id = hydracore.current_tenant());
create policy all_tenants on hydracore.api_keys for select to hydracore_system using (true);
create policy note_use on hydracore.api_keys for update to hydracore_system
  using (true) with check (true);
grant select, insert, update on hydracore.api_keys to hydracore_app;
grant select on hydracore.api_keys to hydracore_system;
grant update (last_used_at) on hydracore.api_keys to hydracore_system;

create table hydracore.channels (
  id uuid primary key,
  tenant_id text not null,
  instance_id uuid not null,
  provider text not null,
  agent_id text,
  phone_number text,
  twilio_account_sid text,
  twilio_phone_number text,
  enabled boolean not null,
  status text not null,
  error_message text,
  wiring jsonb not null,
  last_event_at timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  unique (tenant_id, instance_id),
  foreign key (tenant_id, instance_id) references hydracore.instances (tenant_id, id)
    on delete cascade
);
alter table hydracore.channels enable row level security;
alter table hydracore.channels force row level security;
create policy own_tenant on hydracore.channels to hydracore_app
  using (tenant_id = hydracore.current_tenant())
  with check (tenant_id = hydracore.current_tenant());
grant select, insert, update, delete on hydracore.channels to hydracore_app;

create table hydracore.channel_secrets (
  tenant_id text not null,
  instance_id uuid not null,
  field text not null,
  sealed bytea not null,
  primary key (tenant_id, instance_id, field),
  foreign key (tenant_id, instance_id) references hydracore.channels (tenant_id, instance_id)
    on delete cascade
);
alter table hydracore.channel_secrets enable row level security;
alter table hydracore.channel_secrets force row level security;
create policy own_tenant on hydracore.channel_secrets to hydracore_app
  using (tenant_id = hydracore.current_tenant())
  with check (tenant_id = hydracore.current_tenant());
grant select, insert, update, delete on hydracore.channel_secrets to hydracore_app;

-- Outlives the instance it is for: undoing is due after the channel has gone.
create table hydracore.wiring_jobs (
  id uuid primary key,
  tenant_id text not null references hydracore.tenants (id),
  instance_id uuid not null,
  kind text not null check (kind in ('apply', 'undo')),
  sealed_payload bytea,
  due_at timestamptz not null,
  attempts integer not null default 0,
  last_error text,
  -- Raised by whoever asks for the job again, so that an earlier claim does not finish it.
  revision integer not null default 0,
  claim uuid,
  claimed_revision integer,
  leased_until timestamptz,
  created_at timestamptz not null
);
create unique index wiring_jobs_one_apply on hydracore.wiring_jobs (tenant_id, instance_id)
  where kind = 'apply';
create index wiring_jobs_due on hydracore.wiring_jobs (due_at);
alter table hydracore.wiring_jobs enable row level security;
alter table hydracore.wiring_jobs force row level security;
create policy own_tenant on hydracore.wiring_jobs to hydracore_app
  using (tenant_id = hydracore.current_tenant())
  with check (tenant_id = hydracore.current_tenant());
create policy all_tenants on hydracore.wiring_jobs for select to hydracore_system using (true);
create policy claim on hydracore.wiring_jobs for update to hydracore_system
  using (true) with check (true);
grant select, insert, update, delete on hydracore.wiring_jobs to hydracore_app;
grant select on hydracore.wiring_jobs to hydracore_system;
grant update (claim, claimed_revision, leased_until) on hydracore.wiring_jobs to hydracore_system;

-- A call's state changes several times a turn: room in each page keeps those updates in place.
create table hydracore.calls (
  id uuid primary key,
  tenant_id text not null,
  instance_id uuid not null,
  provider text not null,
  carrier_call_id text not null,
  caller_phone text not null,
  called_phone text not null,
  node_id text not null,
  state text not null,
  started_at timestamptz not null,
  ended_at timestamptz,
  end_reason text,
  end_detail text,
  unique (tenant_id, id),
  unique (tenant_id, instance_id, carrier_call_id),
  check ((ended_at is null) = (end_reason is null)),
  foreign key (tenant_id, instance_id) references hydracore.instances (tenant_id, id)
    on delete cascade
) with (fillfactor = 70);
create index calls_live on hydracore.calls (tenant_id, instance_id) where ended_at is null;
create index calls_live_by_start on hydracore.calls (started_at) where ended_at is null;
alter table hydracore.calls enable row level security;
alter table hydracore.calls force row level security;
create policy own_tenant on hydracore.calls to hydracore_app
  using (tenant_id = hydracore.current_tenant())
  with check (tenant_id = hydracore.current_tenant());
create policy all_tenants on hydracore.calls for select to hydracore_system using (true);
create policy sweep on hydracore.calls for update to hydracore_system
  using (true) with check (end_reason = 'node_lost');
grant select, insert, update on hydracore.calls to hydracore_app;
grant select (id, node_id, started_at, ended_at, end_reason) on hydracore.calls to hydracore_system;
grant update (state, ended_at, end_reason) on hydracore.calls to hydracore_system;

create table hydracore.turns (
  tenant_id text not null,
  call_id uuid not null,
  index integer not null,
  role text not null check (role in ('caller', 'agent')),
  text text not null,
  heard text not null,
  interrupted boolean not null,
  start_ms double precision not null,
  end_ms double precision not null,
  waterfall_ms jsonb not null,
  primary key (tenant_id, call_id, index),
  foreign key (tenant_id, call_id) references hydracore.calls (tenant_id, id) on delete cascade
);
alter table hydracore.turns enable row level security;
alter table hydracore.turns force row level security;
create policy own_tenant on hydracore.turns to hydracore_app
  using (tenant_id = hydracore.current_tenant())
  with check (tenant_id = hydracore.current_tenant());
grant select, insert on hydracore.turns to hydracore_app;

-- One row for what was recorded at once. `json`, not `jsonb`: entries come back as they were
-- written, to be replayed.
create table hydracore.journals (
  tenant_id text not null,
  call_id uuid not null,
  sequence bigint generated always as identity,
  entries json not null,
  primary key (tenant_id, call_id, sequence),
  foreign key (tenant_id, call_id) references hydracore.calls (tenant_id, id) on delete cascade
);
alter table hydracore.journals enable row level security;
alter table hydracore.journals force row level security;
create policy own_tenant on hydracore.journals to hydracore_app
  using (tenant_id = hydracore.current_tenant())
  with check (tenant_id = hydracore.current_tenant());
grant select, insert on hydracore.journals to hydracore_app;

create table hydracore.media_tokens (
  token_hash bytea primary key,
  tenant_id text not null,
  instance_id uuid not null,
  call_id uuid not null,
  expires_at timestamptz not null,
  foreign key (tenant_id, instance_id) references hydracore.instances (tenant_id, id)
    on delete cascade
);
create index media_tokens_expiry on hydracore.media_tokens (expires_at);
alter table hydracore.media_tokens enable row level security;
alter table hydracore.media_tokens force row level security;
create policy all_tenants on hydracore.media_tokens to hydracore_system
  using (true) with check (true);
grant select, insert, delete on hydracore.media_tokens to hydracore_system;

create table hydracore.nodes (
  id text primary key,
  last_seen_at timestamptz not null
);
grant select, insert, update, delete on hydracore.nodes to hydracore_system;
