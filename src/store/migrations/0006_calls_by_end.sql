-- Who was away is told of the calls that have ended since.
create index calls_by_end on hydracore.calls (tenant_id, instance_id, ended_at desc, id desc)
  where ended_at is not null;
