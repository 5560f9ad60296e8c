import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { FormEvent, ReactNode } from 'react';
import type { ReplayBasis, ReplayReport, ReplaySetting } from '#protocol/replay.ts';
import { fieldErrors } from '../lib/faults.ts';
import { replayQuery } from '../lib/queries.ts';
import { hintOf, policyPatchOf, textOf } from '../lib/replay-form.ts';
import type { SettingChange } from '../lib/replay-form.ts';
import { useApi } from '../lib/session.tsx';
import { useFocusOnError } from '../lib/use-focus-on-error.ts';
import { Card, Failure, Loading } from './basics.tsx';
import { Field, SelectField } from './field.tsx';
import { WhatIf } from './what-if.tsx';

/** An ended call led again with other settings. Nothing is asked of the server until somebody wants it. */
export function ReplayPanel({ callId }: { readonly callId: string }): ReactNode {
  const [isOpen, setOpen] = useState(false);
  return (
    <Card title="Replay against another policy">
      {isOpen ? (
        <Replay callId={callId} />
      ) : (
        <>
          <p className="hint">
            Leads this call again from its journal with other settings, and shows turn by turn what
            would have been different and how much sooner the caller would have heard an answer.
          </p>
          <div className="actions start">
            <button type="button" onClick={() => setOpen(true)}>
              Replay this call
            </button>
          </div>
        </>
      )}
    </Card>
  );
}

function Replay({ callId }: { readonly callId: string }): ReactNode {
  const basis = useQuery(replayQuery(useApi(), callId));
  if (basis.isPending) return <Loading lines={4} />;
  if (basis.error) return <Failure error={basis.error} onRetry={() => void basis.refetch()} />;
  const { report, refusal, settings } = basis.data;
  return (
    <>
      <p className="hint">{asItWas(report)}</p>
      <Warnings warnings={report.warnings} />
      {refusal === null ? (
        <ReplayForm callId={callId} settings={settings} />
      ) : (
        <p className="reason">{refusal}</p>
      )}
    </>
  );
}

function asItWas({ ok, steps, differences, code }: ReplayReport): string {
  const since = code.same_conversation === true ? 'the program of then' : 'today’s program';
  return ok
    ? `Replayed as it was on ${since}, the call is identical at each of ${steps} steps.`
    : `Replayed as it was on ${since}, the call is different at ${differences.length} of ${steps} steps: what follows compares both settings on it.`;
}

function Warnings({ warnings }: { readonly warnings: readonly string[] }): ReactNode {
  return warnings.map((warning) => (
    <p key={warning} className="reason">
      {warning}
    </p>
  ));
}

const FIRST_SETTING = 'endpointing.silenceMs';

function ReplayForm({
  callId,
  settings,
}: {
  readonly callId: string;
  readonly settings: ReplayBasis['settings'];
}): ReactNode {
  const api = useApi();
  const begin = (path: string): SettingChange => {
    const setting = settings.find((one) => one.path === path);
    return { path, text: setting ? textOf(setting) : '' };
  };
  const [changes, setChanges] = useState<readonly SettingChange[]>([begin(FIRST_SETTING)]);
  const replay = useMutation({
    mutationFn: () =>
      api.send<ReplayReport>('POST', `/calls/${callId}/replay`, {
        policy: policyPatchOf(changes, settings),
      }),
  });
  useFocusOnError(replay.error);
  const errors = fieldErrors(
    replay.error,
    changes.map(({ path }) => `policy.${path}`),
  );
  const unused = settings.filter(({ path }) => !changes.some((change) => change.path === path));
  const [next] = unused;
  const put = (at: number, change: SettingChange): void =>
    setChanges(changes.map((one, place) => (place === at ? change : one)));
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (!replay.isPending) replay.mutate();
  };
  return (
    <>
      <form onSubmit={submit} noValidate>
        {changes.map((change, at) => {
          const setting = settings.find(({ path }) => path === change.path);
          if (!setting) return null;
          return (
            <div key={change.path} className="setting">
              <SelectField
                label="Setting"
                value={change.path}
                options={settings
                  .filter((one) => one === setting || unused.includes(one))
                  .map(({ path }) => ({ value: path, name: path }))}
                onChange={(path) => put(at, begin(path))}
              />
              <ValueField
                setting={setting}
                value={change.text}
                errors={errors.of(`policy.${change.path}`)}
                onChange={(text) => put(at, { ...change, text })}
              />
              {changes.length > 1 && (
                <button
                  type="button"
                  className="quiet"
                  aria-label={`Remove ${change.path}`}
                  onClick={() => setChanges(changes.filter((one) => one !== change))}
                >
                  Remove
                </button>
              )}
            </div>
          );
        })}
        <div className="actions start">
          <button type="submit" className="solid" disabled={replay.isPending}>
            {replay.isPending ? 'Replaying …' : 'Replay'}
          </button>
          {next && (
            <button
              type="button"
              className="quiet"
              onClick={() => setChanges([...changes, begin(next.path)])}
            >
              Another setting
            </button>
          )}
        </div>
        {errors.others.map((text) => (
          <Failure key={text} error={new Error(text)} />
        ))}
      </form>
      <div aria-live="polite" aria-busy={replay.isPending}>
        {replay.data?.what_if && (
          <>
            <Warnings warnings={replay.data.warnings} />
            <WhatIf whatIf={replay.data.what_if} />
          </>
        )}
      </div>
    </>
  );
}

function ValueField({
  setting,
  value,
  errors,
  onChange,
}: {
  readonly setting: ReplaySetting;
  readonly value: string;
  readonly errors: readonly string[];
  readonly onChange: (text: string) => void;
}): ReactNode {
  const label = `${setting.path} instead`;
  const hint = hintOf(setting);
  if (setting.kind === 'flag')
    return (
      <SelectField
        label={label}
        hint={hint}
        value={value}
        options={[
          { value: 'true', name: 'Yes' },
          { value: 'false', name: 'No' },
        ]}
        onChange={onChange}
      />
    );
  return (
    <Field
      label={label}
      hint={hint}
      value={value}
      errors={errors}
      onChange={onChange}
      {...(setting.kind === 'texts' && { rows: 3 })}
    />
  );
}
