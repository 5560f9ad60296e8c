import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { ReactNode } from 'react';
import type { ChannelRow } from '#protocol/channels.ts';
import type { InstanceRow } from '#protocol/instances.ts';
import type {
  ProviderName,
  SecretField as SecretName,
  VoiceStatus,
} from '#protocol/voice-channel.ts';
import { formOf, setupOf } from '../lib/channel-form.ts';
import type { ChannelForm, TextName } from '../lib/channel-form.ts';
import { fieldErrors } from '../lib/faults.ts';
import { channelQuery, voiceStatusQuery } from '../lib/queries.ts';
import { useApi } from '../lib/session.tsx';
import { useFocusOnError } from '../lib/use-focus-on-error.ts';
import { rolesOf, vendorFacts } from '../lib/vendor-chain.ts';
import { Failure, Loading } from '../parts/basics.tsx';
import { ChannelStatusCard } from '../parts/channel-status.tsx';
import { Field, SecretField } from '../parts/field.tsx';
import { ChainView } from '../parts/chain-view.tsx';

const ROLE_WORDS = { stt: 'hears', llm: 'thinks', tts: 'speaks' } as const;

/** The phone line of an instance: what it is, what it lacks, and the form that changes it. */
export function VoiceChannelPage({ instance }: { readonly instance: InstanceRow }): ReactNode {
  const channel = useQuery(channelQuery(useApi(), instance.id));
  if (channel.isPending) return <Loading lines={8} />;
  if (channel.error)
    return <Failure error={channel.error} onRetry={() => void channel.refetch()} />;
  // What was stored is what the form begins with, also after it was stored.
  const version = channel.data?.updated_at ?? 'none';
  return (
    <>
      <ChannelStatusCard instanceId={instance.id} channel={channel.data} />
      <SetupForm key={version} instance={instance} channel={channel.data} />
    </>
  );
}

function SetupForm({
  instance,
  channel,
}: {
  readonly instance: InstanceRow;
  readonly channel: ChannelRow | null;
}): ReactNode {
  const api = useApi();
  const client = useQueryClient();
  const [form, setForm] = useState(() => formOf(channel));
  const setup = useMutation({
    mutationFn: () =>
      api.send<VoiceStatus>(
        'POST',
        `/instances/${instance.id}/channels/voice`,
        setupOf(form, channel),
      ),
    onSuccess: async (status) => {
      client.setQueryData(voiceStatusQuery(api, instance.id).queryKey, status);
      await client.invalidateQueries({ queryKey: ['instances', instance.id] });
    },
  });
  const fields = [...Object.keys(form.texts), ...Object.keys(form.secrets), 'provider'];
  useFocusOnError(setup.error);
  const errors = fieldErrors(setup.error, [...fields, ...ALL_SECRETS]);
  const secretsSet = new Set(channel?.config.secrets_set);
  const keys = new Set(
    ALL_SECRETS.filter((name) => {
      const given = form.secrets[name];
      return given === undefined ? secretsSet.has(name) : given !== null;
    }),
  );
  const text = (name: TextName, label: string, hint: string): ReactNode => (
    <Field
      label={label}
      hint={hint}
      value={form.texts[name]}
      errors={errors.of(name)}
      onChange={(value) => setForm({ ...form, texts: { ...form.texts, [name]: value } })}
    />
  );
  const secret = (name: SecretName, label: string, hint: string): ReactNode => (
    <SecretField
      key={name}
      label={label}
      hint={hint}
      isSet={secretsSet.has(name)}
      value={form.secrets[name]}
      errors={errors.of(name)}
      onChange={(value) => setForm({ ...form, secrets: { ...form.secrets, [name]: value } })}
    />
  );
  const roles = rolesOf(form.provider);
  const isNew = channel === null;
  return (
    <form
      className="card form"
      onSubmit={(event) => {
        event.preventDefault();
        setup.mutate();
      }}
    >
      <h2>{isNew ? 'Set up' : 'Change'}</h2>
      <ProviderChoice
        provider={form.provider}
        onChange={(provider) => setForm({ ...form, provider })}
      />
      {form.provider === 'pipecat' ? (
        <fieldset>
          <legend>Phone number, by Twilio</legend>
          <div className="grid keys">
            {text('twilio_account_sid', 'Account SID', 'Begins with AC.')}
            {secret('twilio_auth_token', 'Auth token', 'Checks Twilio’s calls, wires the number.')}
            {text('twilio_phone_number', 'Number', 'E.164, such as +14155550123.')}
          </div>
        </fieldset>
      ) : (
        <fieldset>
          <legend>Retell</legend>
          <div className="grid keys">
            {secret('api_key', 'API key', 'Opens the line: numbers, agents and calls at Retell.')}
            {secret(
              'webhook_secret',
              'Webhook secret',
              'Only where it differs from the API key: checks what Retell sends.',
            )}
            {text(
              'agent_id',
              'Agent id',
              'An agent that is at Retell already. Empty: one is made.',
            )}
            {text('phone_number', 'Number', 'E.164, such as +14155550123.')}
          </div>
          <details>
            <summary>A number of Twilio’s instead of Retell’s</summary>
            {text('twilio_account_sid', 'Account SID', 'Begins with AC.')}
            {secret('twilio_auth_token', 'Auth token', 'Imports the number by its SIP trunk.')}
          </details>
        </fieldset>
      )}
      <fieldset>
        <legend>Keys of vendors</legend>
        <p className="hint">
          {form.provider === 'retell'
            ? 'Retell hears and speaks; a language model thinks. Several keys: if one fails, the next goes on. With an agent id of your own, that agent thinks for itself.'
            : 'One that hears, one that thinks, one that speaks. Several for one role: if one fails, the next goes on, even in the middle of a sentence.'}
        </p>
        <div className="grid keys">
          {vendorFacts
            .filter((vendor) => vendor.roles.some((role) => roles.includes(role)))
            .map((vendor) =>
              secret(
                vendor.keyField,
                vendor.label,
                `It ${vendor.roles
                  .filter((role) => roles.includes(role))
                  .map((role) => ROLE_WORDS[role])
                  .join(', ')}.`,
              ),
            )}
        </div>
      </fieldset>
      <ChainView provider={form.provider} voice={instance.agent_config.voice} keys={keys} />
      {errors.others.map((error) => (
        <p key={error} className="errors" role="alert">
          {error}
        </p>
      ))}
      {errors.of('provider').map((error) => (
        <p key={error} className="errors" role="alert">
          {error}
        </p>
      ))}
      <div className="actions">
        <button type="submit" className="solid" disabled={setup.isPending}>
          {setup.isPending ? 'Checking the keys …' : isNew ? 'Set up' : 'Save'}
        </button>
      </div>
    </form>
  );
}

const ALL_SECRETS: readonly SecretName[] = [
  'api_key',
  'webhook_secret',
  'twilio_auth_token',
  ...vendorFacts.map(({ keyField }) => keyField),
];

function ProviderChoice({
  provider,
  onChange,
}: {
  readonly provider: ProviderName;
  readonly onChange: (provider: ChannelForm['provider']) => void;
}): ReactNode {
  return (
    <fieldset className="choices">
      <legend>Who carries the voice</legend>
      {PROVIDERS.map(({ name, label, about }) => (
        <label key={name} className="choice">
          <input
            type="radio"
            name="provider"
            checked={provider === name}
            onChange={() => onChange(name)}
          />
          <span>
            <strong>{label}</strong>
            <span className="hint">{about}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}

const PROVIDERS = [
  {
    name: 'pipecat',
    label: 'This server',
    about: 'The sound comes here, from Twilio. You choose who hears, thinks and speaks.',
  },
  {
    name: 'retell',
    label: 'Retell',
    about: 'Retell hears and speaks; this server thinks and keeps the records.',
  },
] as const;
