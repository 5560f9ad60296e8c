import { useEffect, useState } from 'react';

/** The time, anew each second or as often as is said, for as long as it is needed. */
export function useNow(isRunning: boolean, everyMs = 1_000): number {
  const [nowMs, setNowMs] = useState(() => Date.now());
  useEffect(() => {
    if (!isRunning) return undefined;
    const timer = setInterval(() => setNowMs(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [isRunning, everyMs]);
  return nowMs;
}
