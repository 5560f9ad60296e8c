import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { createContext, use, useMemo, useState } from 'react';
import type { ReactNode } from 'react';
import { ApiError, createApi } from './api.ts';
import type { Api } from './api.ts';
import { noteMove } from './router.tsx';

/** Kept for this tab alone, and gone when it is closed. */
const STORED_KEY = 'hydracore-voice-key';

type Session = {
  readonly api: Api | undefined;
  /** Why the last one ended, when that was not what its person wanted. */
  readonly problem: string | undefined;
  /** Tries the key at the server. Rejects with an `ApiError`. */
  readonly signIn: (key: string) => Promise<void>;
  readonly signOut: () => void;
};

const SessionContext = createContext<Session | undefined>(undefined);

/** Who is signed in, and the queries made so far, which are forgotten with them. */
export function SessionProvider({ children }: { readonly children: ReactNode }): ReactNode {
  const [key, setKey] = useState(() => sessionStorage.getItem(STORED_KEY) ?? undefined);
  const [problem, setProblem] = useState<string>();

  const end = (why?: string): void => {
    sessionStorage.removeItem(STORED_KEY);
    setKey(undefined);
    setProblem(why);
  };
  const api = useMemo(
    () =>
      key === undefined
        ? undefined
        : createApi(key, () => end('This key is not valid any more. Sign in with another one.')),
    [key],
  );
  // oxlint-disable-next-line react-hooks/exhaustive-deps -- a new key is a new person: nothing stays
  const client = useMemo(createClient, [api]);
  const signIn = async (given: string): Promise<void> => {
    await createApi(given, () => undefined).get('/instances');
    sessionStorage.setItem(STORED_KEY, given);
    setProblem(undefined);
    noteMove();
    setKey(given);
  };
  return (
    <SessionContext value={{ api, problem, signIn, signOut: () => end() }}>
      <QueryClientProvider client={client}>{children}</QueryClientProvider>
    </SessionContext>
  );
}

const createClient = (): QueryClient =>
  new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 5_000,
        retry: (count, error) =>
          count < 2 && error instanceof ApiError && (error.status === 0 || error.status >= 500),
      },
    },
  });

export function useSession(): Session {
  const session = use(SessionContext);
  if (!session) throw new Error('useSession stands outside of a SessionProvider');
  return session;
}

/** For pages that are there only when somebody is signed in. */
export function useApi(): Api {
  const { api } = useSession();
  if (!api) throw new Error('nobody is signed in');
  return api;
}
