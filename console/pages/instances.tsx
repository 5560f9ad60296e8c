import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { ReactNode } from 'react';
import type { InstanceRow } from '#protocol/instances.ts';
import { statusNames, statusTones } from '../lib/format.ts';
import { instancesQuery, voiceStatusQuery } from '../lib/queries.ts';
import { Link } from '../lib/router.tsx';
import { useApi } from '../lib/session.tsx';
import { Badge, Empty, Failure, Loading, PageTitle } from '../parts/basics.tsx';
import { Field } from '../parts/field.tsx';

/** Each row asks for its own status; more rows than these only after a look for a name. */
const SHOWN_MAX = 50;
/** With fewer than these there is nothing to look for. */
const SEARCHED_FROM = 8;

export function InstancesPage(): ReactNode {
  const instances = useQuery(instancesQuery(useApi()));
  const [sought, setSought] = useState('');
  const found = (instances.data ?? []).filter(
    ({ name, id }) => name.toLowerCase().includes(sought.toLowerCase()) || id === sought,
  );
  return (
    <>
      <div className="page-head">
        <PageTitle>Instances</PageTitle>
        <Link to="/instances/new" className="button solid">
          New instance
        </Link>
      </div>
      {instances.isPending && <Loading lines={5} />}
      {instances.error && (
        <Failure error={instances.error} onRetry={() => void instances.refetch()} />
      )}
      {instances.data?.length === 0 && (
        <Empty title="No instances yet">
          <p>An instance is an AI agent: what it knows, how it speaks, and its phone line.</p>
          <Link to="/instances/new">Create the first one</Link>
        </Empty>
      )}
      {(instances.data?.length ?? 0) >= SEARCHED_FROM && (
        <Field label="Find by name" value={sought} onChange={setSought} />
      )}
      {found.length > 0 && (
        <ul className="rows">
          {found.slice(0, SHOWN_MAX).map((instance) => (
            <InstanceLine key={instance.id} instance={instance} />
          ))}
        </ul>
      )}
      {instances.data && instances.data.length > 0 && found.length === 0 && (
        <Empty title={`No instance is called “${sought}”.`} />
      )}
      {found.length > SHOWN_MAX && (
        <p className="hint">{found.length - SHOWN_MAX} more; find them by name.</p>
      )}
    </>
  );
}

function InstanceLine({ instance }: { readonly instance: InstanceRow }): ReactNode {
  const status = useQuery(voiceStatusQuery(useApi(), instance.id));
  const { id, name } = instance;
  const { data } = status;
  const isUsed = data?.status === 'active' || data?.status === 'degraded';
  return (
    <li>
      <Link to={isUsed ? `/instances/${id}/live` : `/instances/${id}/voice`} className="row">
        <span className="row-main">
          <strong>{name}</strong>
          <span className="hint">
            {data?.phone_number ?? (data ? 'No number' : '…')}
            {data?.provider ? ` · ${data.provider}` : ''}
          </span>
        </span>
        <span className="row-side">
          {data && data.active_calls > 0 && (
            <Badge tone="accent">
              {data.active_calls} live {data.active_calls === 1 ? 'call' : 'calls'}
            </Badge>
          )}
          {data && <Badge tone={statusTones[data.status]}>{statusNames[data.status]}</Badge>}
          {status.error && <Badge tone="bad">Status unknown</Badge>}
        </span>
      </Link>
    </li>
  );
}
