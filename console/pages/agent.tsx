import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { ReactNode } from 'react';
import type { InstanceRow } from '#protocol/instances.ts';
import { agentFormOf, changeOf, jsonFields } from '../lib/agent-form.ts';
import type { AgentForm, JsonField } from '../lib/agent-form.ts';
import { fieldErrors } from '../lib/faults.ts';
import { instanceQuery } from '../lib/queries.ts';
import { useRouter } from '../lib/router.tsx';
import { useApi } from '../lib/session.tsx';
import { useFocusOnError } from '../lib/use-focus-on-error.ts';
import { ConfirmButton, Failure } from '../parts/basics.tsx';
import { Field } from '../parts/field.tsx';
import { VoicesFields } from '../parts/voices-fields.tsx';

const FIELDS = [
  'name',
  'agent_config.greeting',
  'agent_config.system_prompt',
  'agent_config.language',
  'agent_config.voice.stt',
  'agent_config.voice.llm',
  'agent_config.voice.tts',
  'agent_config.voice.vendors',
  ...jsonFields.map((name) => `agent_config.${name}`),
];

const JSON_LABELS: Readonly<
  Record<JsonField, readonly [label: string, hint: string, rows: number]>
> = {
  tools: [
    'Tools',
    'HTTPS endpoints that the agent may call: name, description, parameters (JSON Schema), url, method, headers. Headers are secret: {"set": true} keeps the one that is stored.',
    8,
  ],
  client_tools: [
    'Functions of the page',
    'What the caller’s own page does, in calls from a browser: name, description, parameters (JSON Schema).',
    4,
  ],
  mcp_servers: ['MCP servers', 'name, url, bearer_token (secret, as above), timeout_ms.', 4],
  transfer_numbers: [
    'Transfer numbers',
    'Whom the agent may hand a call over to: name, number, description.',
    4,
  ],
  voice: [
    'How it listens and speaks',
    'Endpointing, barge-in, silence, limits, key terms, business hours. What is left out has its default.',
    12,
  ],
};

/** What an agent says and knows, who does it, and its tools. Counts from the next call on. */
export function AgentPage({ instance }: { readonly instance: InstanceRow }): ReactNode {
  return <AgentEditor key={instance.updated_at} instance={instance} />;
}

function AgentEditor({ instance }: { readonly instance: InstanceRow }): ReactNode {
  const api = useApi();
  const client = useQueryClient();
  const [form, setForm] = useState(() => agentFormOf(instance));
  const change = changeOf(form, instance);
  const save = useMutation({
    mutationFn: (body: object) => api.send<InstanceRow>('PATCH', `/instances/${instance.id}`, body),
    onSuccess: async (changed) => {
      client.setQueryData(instanceQuery(api, instance.id).queryKey, changed);
      await client.invalidateQueries({ queryKey: ['instances'], exact: true });
    },
  });
  useFocusOnError(save.error);
  const errors = fieldErrors(save.error, FIELDS);
  const set = (part: Partial<AgentForm>): void => setForm({ ...form, ...part });
  return (
    <>
      <form
        className="card form"
        onSubmit={(event) => {
          event.preventDefault();
          if (change.is === 'change') save.mutate(change.body);
        }}
      >
        <h2>Agent</h2>
        <Field
          label="Name"
          value={form.name}
          isRequired
          maxLength={100}
          errors={errors.of('name')}
          onChange={(name) => set({ name })}
        />
        <Field
          label="Greeting"
          hint="Spoken when the call is answered. Empty: the caller speaks first."
          rows={2}
          value={form.greeting}
          errors={errors.of('agent_config.greeting')}
          onChange={(greeting) => set({ greeting })}
        />
        <Field
          label="Prompt"
          hint="Who the agent is, what it knows and what it does."
          rows={10}
          value={form.systemPrompt}
          errors={errors.of('agent_config.system_prompt')}
          onChange={(systemPrompt) => set({ systemPrompt })}
        />
        <Field
          label="Language"
          hint="BCP 47: en, de, pt-BR."
          value={form.language}
          errors={errors.of('agent_config.language')}
          onChange={(language) => set({ language })}
        />
        <VoicesFields
          orders={form.orders}
          vendors={form.vendors}
          errorsOf={(field) => errors.of(`agent_config.voice.${field}`)}
          onOrders={(orders) => set({ orders })}
          onVendors={(vendors) => set({ vendors })}
        />
        {jsonFields.map((name) => {
          const [label, hint, rows] = JSON_LABELS[name];
          const unreadable = change.unreadable[name];
          return (
            <Field
              key={name}
              label={`${label} (JSON)`}
              hint={hint}
              rows={rows}
              isCode
              value={form.json[name]}
              errors={unreadable === undefined ? errors.of(`agent_config.${name}`) : [unreadable]}
              onChange={(text) => set({ json: { ...form.json, [name]: text } })}
            />
          );
        })}
        {errors.others.map((error) => (
          <p key={error} className="errors" role="alert">
            {error}
          </p>
        ))}
        <div className="actions sticky">
          <span className="hint" role="status">
            {save.isPending
              ? 'Saving …'
              : change.is === 'change'
                ? 'Not saved yet'
                : change.is === 'same' && save.isSuccess
                  ? 'Saved'
                  : ''}
          </span>
          <button
            type="submit"
            className="solid"
            disabled={change.is !== 'change' || save.isPending}
          >
            Save
          </button>
        </div>
      </form>
      <DeleteInstance instance={instance} />
    </>
  );
}

function DeleteInstance({ instance }: { readonly instance: InstanceRow }): ReactNode {
  const api = useApi();
  const client = useQueryClient();
  const { go } = useRouter();
  const removal = useMutation({
    mutationFn: () => api.send('DELETE', `/instances/${instance.id}`),
    onSuccess: async () => {
      go('/');
      client.removeQueries({ queryKey: ['instances', instance.id] });
      await client.invalidateQueries({ queryKey: ['instances'], exact: true });
    },
  });
  return (
    <section className="card">
      <div className="card-head">
        <h2>Delete</h2>
        <ConfirmButton
          label="Delete instance"
          question={`Delete ${instance.name}?`}
          detail="Its calls end, its phone line is taken down, and its records are erased for good."
          confirmLabel="Delete"
          isBusy={removal.isPending}
          onConfirm={() => removal.mutate()}
        />
      </div>
      {removal.error && <Failure error={removal.error} />}
    </section>
  );
}
