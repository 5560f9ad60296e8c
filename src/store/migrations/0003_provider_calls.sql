-- Calls that a provider carries itself, and what it tells of them.

-- An inbox: a delivery is answered once it is stored here, and folded into its call afterwards.
-- Deliveries with the same key say the same thing; the one of the highest rank is kept, so what is
-- here does not depend on their order or number. `due_at`: when any node may fold it, at the latest;
-- null: it is folded.
create table hydracore.provider_events (
  tenant_id text not null,
  instance_id uuid not null,
  carrier_call_id text not null,
  key text not null,
  rank text collate "C" not null,
  name text not null,
  body json not null,
  received_at timestamptz not null,
  due_at timestamptz,
  primary key (tenant_id, instance_id, carrier_call_id, key),
  foreign key (tenant_id, instance_id) references hydracore.instances (tenant_id, id)
    on delete cascade
);
create index provider_events_due on hydracore.provider_events (due_at) where due_at is not null;
alter table hydracore.provider_events enable row level security;
alter table hydracore.provider_events force row level security;
create policy own_tenant on hydracore.provider_events to hydracore_app
  using (tenant_id = hydracore.current_tenant())
  with check (tenant_id = hydracore.current_tenant());
create policy all_tenants on hydracore.provider_events for select to hydracore_system using (true);
grant select, insert, update on hydracore.provider_events to hydracore_app;
grant select (tenant_id, instance_id, carrier_call_id, due_at) on hydracore.provider_events
  to hydracore_system;

-- What a call has besides its row when its provider carries it.
create table hydracore.provider_calls (
  tenant_id text not null,
  call_id uuid not null,
  -- A session of ours leads the conversation and writes its turns.
  is_led boolean not null default false,
  -- By the provider's transcript; shown where no session led the call.
  turns jsonb not null default '[]',
  record json,
  is_end_folded boolean not null default false,
  -- What the session had ended the call with before the provider told its end.
  session_end_reason text,
  -- When to ask the provider how the call stands; null: no more.
  check_at timestamptz,
  checks integer not null default 0,
  primary key (tenant_id, call_id),
  foreign key (tenant_id, call_id) references hydracore.calls (tenant_id, id) on delete cascade
) with (fillfactor = 70);
create index provider_calls_check on hydracore.provider_calls (check_at) where check_at is not null;
alter table hydracore.provider_calls enable row level security;
alter table hydracore.provider_calls force row level security;
create policy own_tenant on hydracore.provider_calls to hydracore_app
  using (tenant_id = hydracore.current_tenant())
  with check (tenant_id = hydracore.current_tenant());
create policy all_tenants on hydracore.provider_calls for select to hydracore_system using (true);
create policy claim on hydracore.provider_calls for update to hydracore_system
  using (true) with check (true);
grant select, insert, update on hydracore.provider_calls to hydracore_app;
grant select (tenant_id, call_id, check_at, checks) on hydracore.provider_calls
  to hydracore_system;
grant update (check_at, checks) on hydracore.provider_calls to hydracore_system;

-- Which call to ask about, and which calls do not die with their node.
grant select (tenant_id, instance_id, provider, carrier_call_id) on hydracore.calls
  to hydracore_system;
