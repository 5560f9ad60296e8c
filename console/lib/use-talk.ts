import { useEffect, useState } from 'react';
import type { Api } from './api.ts';
import { SILENCE_DBFS } from './loudness.ts';
import { createTalk } from './talk.ts';
import type { Talk, TalkState } from './talk.ts';

const LEVELS_EVERY_MS = 100;

/** The calls of a page; leaving it hangs up. */
export function useTalk(
  api: Api,
  instanceId: string,
): { readonly talk: Talk | undefined; readonly state: TalkState } {
  const [talk, setTalk] = useState<Talk>();
  const [state, setState] = useState<TalkState>({ is: 'idle' });
  useEffect(() => {
    let isShown = true;
    const made = createTalk({
      api,
      instanceId,
      onState: (next) => void (isShown && setState(next)),
    });
    setTalk(made);
    setState({ is: 'idle' });
    return () => {
      isShown = false;
      made.hangUp();
    };
  }, [api, instanceId]);
  return { talk, state };
}

/** Reads the levels while `isOn`. */
export function useTalkLevels(talk: Talk | undefined, isOn: boolean): ReturnType<Talk['levels']> {
  const [levels, setLevels] = useState(SILENT);
  useEffect(() => {
    if (!talk || !isOn) return undefined;
    const timer = setInterval(() => setLevels(talk.levels()), LEVELS_EVERY_MS);
    return () => {
      clearInterval(timer);
      setLevels(SILENT);
    };
  }, [talk, isOn]);
  return levels;
}

const SILENT = { callerDbfs: SILENCE_DBFS, agentDbfs: SILENCE_DBFS };
