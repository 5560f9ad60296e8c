import { useState } from 'react';
import type { FormEvent, ReactNode } from 'react';
import { ApiError } from '../lib/api.ts';
import { useSession } from '../lib/session.tsx';
import { PageTitle } from '../parts/basics.tsx';
import { Field } from '../parts/field.tsx';

/** Takes an API key, and tries it before it is believed. */
export function SignInPage(): ReactNode {
  const { signIn, problem } = useSession();
  const [key, setKey] = useState('');
  const [error, setError] = useState(problem);
  const [isBusy, setBusy] = useState(false);

  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    try {
      await signIn(key.trim());
    } catch (thrown) {
      setError(reasonOf(thrown));
      setBusy(false);
    }
  };
  return (
    <div className="sign-in">
      <PageTitle>Sign in</PageTitle>
      <form onSubmit={(event) => void submit(event)}>
        <Field
          label="API key"
          type="password"
          value={key}
          onChange={setKey}
          isRequired
          placeholder="hc_live_…"
          hint={
            <>
              <code>npm start</code> prints one; <code>npm run -s api-key</code> makes one. It stays
              in this tab and is gone when you close it.
            </>
          }
          errors={error === undefined ? [] : [error]}
        />
        <button type="submit" className="solid" disabled={isBusy || key.trim() === ''}>
          {isBusy ? 'Signing in …' : 'Sign in'}
        </button>
      </form>
    </div>
  );
}

function reasonOf(error: unknown): string {
  if (!(error instanceof ApiError)) return 'This key cannot be sent: it has characters no key has.';
  if (error.status === 401) return 'This key is not valid: mistyped, expired or revoked.';
  if (error.status === 403) return 'This key may not read instances: it lacks instances:read.';
  return error.message;
}
