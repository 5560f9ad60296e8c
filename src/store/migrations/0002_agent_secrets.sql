-- Secrets that an agent_config speaks of, such as the headers of its tools. They belong to the
-- instance, which may have them before it has a channel.
create table hydracore.agent_secrets (
  tenant_id text not null,
  instance_id uuid not null,
  field text not null,
  sealed bytea not null,
  primary key (tenant_id, instance_id, field),
  foreign key (tenant_id, instance_id) references hydracore.instances (tenant_id, id)
    on delete cascade
);
alter table hydracore.agent_secrets enable row level security;
alter table hydracore.agent_secrets force row level security;
create policy own_tenant on hydracore.agent_secrets to hydracore_app
  using (tenant_id = hydracore.current_tenant())
  with check (tenant_id = hydracore.current_tenant());
grant select, insert, update, delete on hydracore.agent_secrets to hydracore_app;
