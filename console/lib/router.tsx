import { createContext, use, useEffect, useState } from 'react';
import type { MouseEvent, ReactNode } from 'react';

let hasMoved = false;

/** Whether the page shown is not the first one: a screen reader has to be told where it now is. */
export const isLaterPage = (): boolean => hasMoved;

/** The next page shown is another one, whatever its address. */
export const noteMove = (): void => void (hasMoved = true);

type Router = { readonly path: string; readonly go: (path: string) => void };

const RouterContext = createContext<Router>({ path: '/', go: () => undefined });

/** The path of the address, and the way to another one, without loading the page anew. */
export function RouterProvider({ children }: { readonly children: ReactNode }): ReactNode {
  const [path, setPath] = useState(() => location.pathname);
  useEffect(() => {
    const follow = (): void => {
      noteMove();
      setPath(location.pathname);
    };
    addEventListener('popstate', follow);
    return () => removeEventListener('popstate', follow);
  }, []);
  const go = (to: string): void => {
    noteMove();
    if (to !== location.pathname) history.pushState(null, '', to);
    setPath(to);
    scrollTo(0, 0);
  };
  return <RouterContext value={{ path, go }}>{children}</RouterContext>;
}

export const useRouter = (): Router => use(RouterContext);

/** An ordinary link, which stays within the page where a plain click is meant. */
export function Link({
  to,
  className,
  isCurrent = false,
  children,
}: {
  readonly to: string;
  readonly className?: string;
  readonly isCurrent?: boolean;
  readonly children: ReactNode;
}): ReactNode {
  const { go } = useRouter();
  const follow = (event: MouseEvent): void => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)
      return;
    event.preventDefault();
    go(to);
  };
  return (
    <a
      href={to}
      className={className}
      aria-current={isCurrent ? 'page' : undefined}
      onClick={follow}
    >
      {children}
    </a>
  );
}
