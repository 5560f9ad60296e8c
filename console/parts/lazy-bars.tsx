import { lazy, Suspense } from 'react';
import type { ReactNode } from 'react';
import { notLoaded } from './basics.tsx';
import type { BarsProps } from './bars.tsx';

const Bars = lazy(() =>
  import('./bars.tsx').then(
    ({ Bars: drawn }) => ({ default: drawn }),
    () => notLoaded('This chart'),
  ),
);

/** Bars, which come when they are wanted. The element around them has its height without them. */
export function LazyBars(props: BarsProps): ReactNode {
  return (
    <Suspense fallback={null}>
      <Bars {...props} />
    </Suspense>
  );
}
