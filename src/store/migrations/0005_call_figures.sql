-- What the figures of many calls are made of, where it can be read without opening their journals.

-- Reading it out of the JSON would take most of the time of a summary.
alter table hydracore.turns add column played_ms double precision
  generated always as ((waterfall_ms ->> 'played')::double precision) stored;
create index turns_answers on hydracore.turns (tenant_id, call_id) include (played_ms)
  where played_ms is not null;

-- Each time that a vendor failed in a call, whether another went on with its work or not.
create table hydracore.vendor_failures (
  tenant_id text not null,
  call_id uuid not null,
  at_ms double precision not null,
  role text not null,
  vendor text not null,
  primary key (tenant_id, call_id, at_ms, role, vendor),
  foreign key (tenant_id, call_id) references hydracore.calls (tenant_id, id) on delete cascade
);

-- Of the calls there are. Whoever owns the tables is held to the tenants' policies as well, and is
-- no tenant: for this one statement it is not.
alter table hydracore.journals no force row level security;
insert into hydracore.vendor_failures (tenant_id, call_id, at_ms, role, vendor)
  select journals.tenant_id, journals.call_id,
         (entry ->> 'atMs')::double precision, entry ->> 'role', entry ->> 'vendor'
    from hydracore.journals, json_array_elements(journals.entries) as entry
   where entry ->> 'type' in ('vendor-failed', 'vendor-switched')
     and entry ->> 'role' is not null and entry ->> 'vendor' is not null
  on conflict do nothing;
alter table hydracore.journals force row level security;

alter table hydracore.vendor_failures enable row level security;
alter table hydracore.vendor_failures force row level security;
create policy own_tenant on hydracore.vendor_failures to hydracore_app
  using (tenant_id = hydracore.current_tenant())
  with check (tenant_id = hydracore.current_tenant());
grant select, insert on hydracore.vendor_failures to hydracore_app;
