/**
 * For a page's very beginning: its dates and timers stand still until `hour.advance(ms)`, which
 * resolves when what fell due was done and drawn. What arrives from the network arrives as ever.
 */
export const pageClock = (startMs: number): string => `(() => {
  const RealDate = Date;
  const realTimeout = setTimeout.bind(globalThis);
  let nowMs = ${startMs};
  let last = 0;
  const timers = new Map();
  globalThis.Date = class extends RealDate {
    constructor(...given) {
      if (given.length === 0) super(nowMs);
      else super(...given);
    }
    static now() {
      return nowMs;
    }
  };
  const set = (fire, afterMs, everyMs, given) => {
    last += 1;
    timers.set(last, { atMs: nowMs + Math.max(0, Number(afterMs) || 0), everyMs, fire, given });
    return last;
  };
  globalThis.setTimeout = (fire, ms, ...given) => set(fire, ms, undefined, given);
  globalThis.setInterval = (fire, ms, ...given) => set(fire, ms, Math.max(1, Number(ms) || 0), given);
  globalThis.clearTimeout = (id) => void timers.delete(id);
  globalThis.clearInterval = globalThis.clearTimeout;
  const settled = () => new Promise((resolve) => realTimeout(resolve, 0));
  globalThis.hour = {
    timers: () => timers.size,
    async advance(ms) {
      const untilMs = nowMs + ms;
      for (;;) {
        let atMs = Infinity;
        for (const timer of timers.values()) atMs = Math.min(atMs, timer.atMs);
        if (atMs > untilMs) break;
        nowMs = Math.max(nowMs, atMs);
        for (const [id, timer] of [...timers]) {
          if (timer.atMs > nowMs || !timers.has(id)) continue;
          if (timer.everyMs === undefined) timers.delete(id);
          else timer.atMs += timer.everyMs;
          timer.fire(...timer.given);
        }
        await settled();
      }
      nowMs = untilMs;
      await settled();
    },
  };
})()`;

/** What the live page shows, read off it as a person would. */
export const READ_PAGE = `(() => {
  const text = (root, selector) => root?.querySelector(selector)?.textContent ?? '';
  const panel = document.querySelector('.live-call');
  return {
    head: text(document, '.live-head p'),
    stream: text(document, '.stream-note'),
    rows: [...document.querySelectorAll('.live-list .row')].map((row) => ({
      name: text(row, 'strong'),
      turns: Number(/(\\d+) turns?$/.exec(text(row, '.hint'))?.[1] ?? NaN),
      state: text(row, '.badge'),
    })),
    hidden: Number.parseInt(text(document, '.live-list li.hint'), 10) || 0,
    panelName: text(panel, 'h2'),
    panelTurns: [...(panel?.querySelectorAll('ol.transcript .turn p') ?? [])].map((p) => p.textContent),
  };
})()`;
