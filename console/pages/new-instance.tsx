import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { ReactNode } from 'react';
import type { InstanceRow } from '#protocol/instances.ts';
import { fieldErrors } from '../lib/faults.ts';
import { Link } from '../lib/router.tsx';
import { useApi } from '../lib/session.tsx';
import { useFocusOnError } from '../lib/use-focus-on-error.ts';
import { Card, CopyButton, PageTitle } from '../parts/basics.tsx';
import { Field } from '../parts/field.tsx';

const FIELDS = [
  'name',
  'agent_config.greeting',
  'agent_config.system_prompt',
  'agent_config.language',
];
type Created = InstanceRow & { readonly internal_key: string };

export function NewInstancePage(): ReactNode {
  const api = useApi();
  const client = useQueryClient();
  const [name, setName] = useState('');
  const [greeting, setGreeting] = useState('Hello! How can I help you?');
  const [prompt, setPrompt] = useState('You are a helpful agent on the phone. Answer briefly.');
  const [language, setLanguage] = useState('en');
  const creation = useMutation({
    mutationFn: () =>
      api.send<Created>('POST', '/instances', {
        name,
        agent_config: { greeting, system_prompt: prompt, language },
      }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['instances'], exact: true }),
  });
  useFocusOnError(creation.error);
  const errors = fieldErrors(creation.error, FIELDS);
  if (creation.data) return <CreatedInstance created={creation.data} />;
  return (
    <>
      <PageTitle>New instance</PageTitle>
      <form
        className="card form"
        onSubmit={(event) => {
          event.preventDefault();
          creation.mutate();
        }}
      >
        <Field
          label="Name"
          value={name}
          onChange={setName}
          isRequired
          maxLength={100}
          errors={errors.of('name')}
        />
        <Field
          label="Greeting"
          hint="Spoken when the call is answered. Empty: the caller speaks first."
          value={greeting}
          onChange={setGreeting}
          errors={errors.of('agent_config.greeting')}
        />
        <Field
          label="Prompt"
          hint="Who the agent is, what it knows and what it does."
          rows={8}
          value={prompt}
          onChange={setPrompt}
          errors={errors.of('agent_config.system_prompt')}
        />
        <Field
          label="Language"
          hint="BCP 47: en, de, pt-BR."
          value={language}
          onChange={setLanguage}
          errors={errors.of('agent_config.language')}
        />
        {errors.others.map((error) => (
          <p key={error} className="errors" role="alert">
            {error}
          </p>
        ))}
        <div className="actions">
          <Link to="/" className="button">
            Cancel
          </Link>
          <button type="submit" className="solid" disabled={creation.isPending}>
            {creation.isPending ? 'Creating …' : 'Create'}
          </button>
        </div>
      </form>
    </>
  );
}

function CreatedInstance({ created }: { readonly created: Created }): ReactNode {
  return (
    <>
      <PageTitle>{`${created.name} is created`}</PageTitle>
      <Card
        title="Its internal key"
        action={<CopyButton text={created.internal_key} label="Copy" />}
      >
        <p>
          The instance proves itself with it at <code>/internal/v1</code>. It is shown this one
          time; the server keeps only a hash.
        </p>
        <p>
          <code className="long">{created.internal_key}</code>
        </p>
        <div className="actions">
          <Link to={`/instances/${created.id}/voice`} className="button solid">
            Set up its phone line
          </Link>
        </div>
      </Card>
    </>
  );
}
