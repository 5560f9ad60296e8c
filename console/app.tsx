import { useState } from 'react';
import type { ReactNode } from 'react';
import { Link, RouterProvider, useRouter } from './lib/router.tsx';
import { SessionProvider, useSession } from './lib/session.tsx';
import { applyTheme, storedTheme, themes } from './lib/theme.ts';
import type { Theme } from './lib/theme.ts';
import { CallPage } from './pages/call.tsx';
import { InstancePages } from './pages/instance.tsx';
import { InstancesPage } from './pages/instances.tsx';
import { NewInstancePage } from './pages/new-instance.tsx';
import { SignInPage } from './pages/sign-in.tsx';
import { Empty, PageTitle } from './parts/basics.tsx';

export function App(): ReactNode {
  return (
    <RouterProvider>
      <SessionProvider>
        <Frame />
      </SessionProvider>
    </RouterProvider>
  );
}

function Frame(): ReactNode {
  const { api, signOut } = useSession();
  return (
    <>
      <a className="skip" href="#main">
        Skip to content
      </a>
      <header className="top">
        <Link to="/" className="brand">
          <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
            <path d="M5 13v6M11 8v16M17 4v24M23 10v12M28 14v4" />
          </svg>
          HydraCore Voice
        </Link>
        <nav aria-label="Site">
          <a href="/docs">API</a>
          <ThemeSelect />
          {api && (
            <button type="button" className="quiet" onClick={signOut}>
              Sign out
            </button>
          )}
        </nav>
      </header>
      <main id="main">{api ? <Page /> : <SignInPage />}</main>
    </>
  );
}

function Page(): ReactNode {
  const { path } = useRouter();
  const [first = '', second = '', third = ''] = path.split('/').filter((part) => part !== '');
  if (first === '' || (first === 'instances' && second === '')) return <InstancesPage />;
  if (first === 'instances' && second === 'new') return <NewInstancePage />;
  if (first === 'instances') return <InstancePages key={second} instanceId={second} tab={third} />;
  if (first === 'calls' && second !== '') return <CallPage key={second} callId={second} />;
  return (
    <>
      <PageTitle>Not found</PageTitle>
      <Empty title="There is no such page.">
        <Link to="/">All instances</Link>
      </Empty>
    </>
  );
}

function ThemeSelect(): ReactNode {
  const [theme, setTheme] = useState(storedTheme);
  const next = themes[(themes.indexOf(theme) + 1) % themes.length] ?? 'system';
  const change = (to: Theme): void => {
    applyTheme(to);
    setTheme(to);
  };
  return (
    <button type="button" className="quiet" onClick={() => change(next)}>
      <span className="theme-word">Theme: </span>
      {THEME_NAMES[theme]}
    </button>
  );
}

const THEME_NAMES: Readonly<Record<Theme, string>> = {
  system: 'Auto',
  light: 'Light',
  dark: 'Dark',
};
