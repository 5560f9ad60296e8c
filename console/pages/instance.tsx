import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense } from 'react';
import type { ReactNode } from 'react';
import { statusNames, statusTones } from '../lib/format.ts';
import { instanceQuery, voiceStatusQuery } from '../lib/queries.ts';
import { Link } from '../lib/router.tsx';
import { useApi } from '../lib/session.tsx';
import { Badge, Failure, Loading, notLoaded, PageTitle } from '../parts/basics.tsx';
import { AgentPage } from './agent.tsx';
import { CallsPage } from './calls.tsx';
import { LivePage } from './live.tsx';
import { OverviewPage } from './overview.tsx';
import { VoiceChannelPage } from './voice-channel.tsx';

/** By far the heaviest page, for Pipecat's client: it comes when it is wanted. */
const TalkPage = lazy(() =>
  import('./talk.tsx').then(
    ({ TalkPage: page }) => ({ default: page }),
    () => notLoaded('This page'),
  ),
);

const TABS = [
  ['', 'Overview'],
  ['live', 'Live'],
  ['talk', 'Talk'],
  ['calls', 'Calls'],
  ['voice', 'Voice channel'],
  ['agent', 'Agent'],
] as const;

/** The pages of one instance, under one head. */
export function InstancePages({
  instanceId,
  tab,
}: {
  readonly instanceId: string;
  readonly tab: string;
}): ReactNode {
  const api = useApi();
  const instance = useQuery(instanceQuery(api, instanceId));
  const status = useQuery(voiceStatusQuery(api, instanceId));
  if (instance.error)
    return (
      <>
        <PageTitle>Instance</PageTitle>
        <Failure error={instance.error} onRetry={() => void instance.refetch()} />
        <Link to="/">All instances</Link>
      </>
    );
  const [, tabName = 'Overview'] = TABS.find(([name]) => name === tab) ?? [];
  return (
    <>
      <nav className="crumbs" aria-label="Above">
        <Link to="/">Instances</Link>
      </nav>
      <div className="page-head instance-head">
        <PageTitle key={tab}>{instance.data ? instance.data.name : 'Instance'}</PageTitle>
        <span className="row-side">
          {status.data && (
            <Badge tone={statusTones[status.data.status]}>{statusNames[status.data.status]}</Badge>
          )}
          {status.data?.phone_number && <span className="hint">{status.data.phone_number}</span>}
        </span>
      </div>
      <nav className="tabs" aria-label="Instance">
        {TABS.map(([name, label]) => (
          <Link
            key={name}
            to={`/instances/${instanceId}${name === '' ? '' : `/${name}`}`}
            isCurrent={tabName === label}
          >
            {label}
            {name === 'live' && status.data !== undefined && status.data.active_calls > 0 && (
              <span className="count" aria-label={`${status.data.active_calls} calls`}>
                {status.data.active_calls}
              </span>
            )}
          </Link>
        ))}
      </nav>
      {instance.data ? tabPage(tabName, instance.data) : <Loading lines={6} />}
    </>
  );
}

function tabPage(
  tabName: (typeof TABS)[number][1],
  instance: Parameters<typeof AgentPage>[0]['instance'],
): ReactNode {
  switch (tabName) {
    case 'Overview':
      return <OverviewPage instanceId={instance.id} />;
    case 'Live':
      return <LivePage instanceId={instance.id} />;
    case 'Talk':
      return (
        <Suspense fallback={<Loading lines={6} />}>
          <TalkPage instanceId={instance.id} />
        </Suspense>
      );
    case 'Calls':
      return <CallsPage instanceId={instance.id} />;
    case 'Voice channel':
      return <VoiceChannelPage instance={instance} />;
    case 'Agent':
      return <AgentPage instance={instance} />;
  }
}
