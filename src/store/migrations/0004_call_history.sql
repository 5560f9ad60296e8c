-- Calls are listed by their start, and erased one by one.

create index calls_by_start on hydracore.calls (tenant_id, instance_id, started_at desc, id desc);
grant delete on hydracore.calls to hydracore_app;
grant delete on hydracore.provider_events to hydracore_app;

-- What is told of a call after its erasure must not bring it back. The carrier's id of a call says
-- nothing of anybody; it is kept as a hash all the same.
create table hydracore.erased_calls (
  tenant_id text not null,
  instance_id uuid not null,
  carrier_call_hash bytea not null,
  erased_at timestamptz not null,
  primary key (tenant_id, instance_id, carrier_call_hash),
  foreign key (tenant_id, instance_id) references hydracore.instances (tenant_id, id)
    on delete cascade
);
alter table hydracore.erased_calls enable row level security;
alter table hydracore.erased_calls force row level security;
create policy own_tenant on hydracore.erased_calls to hydracore_app
  using (tenant_id = hydracore.current_tenant())
  with check (tenant_id = hydracore.current_tenant());
grant select, insert on hydracore.erased_calls to hydracore_app;
