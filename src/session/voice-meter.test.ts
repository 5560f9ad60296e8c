import { expect, test } from 'vitest';
import { bytesOfSamples, WIDE_LINE } from '#audio/format.ts';
import type { LineAudio } from '#audio/format.ts';
import { encodeMulaw, MULAW_SILENCE } from '#audio/g711.ts';
import type { Transport, TransportListener } from '#contracts/transport.ts';
import { virtualClock } from '#lib/virtual-clock.ts';
import type { VoiceLevels } from '#protocol/events.ts';
import { createLevelWatch } from './level-watch.ts';
import { createVoiceMeter } from './voice-meter.ts';

/** A sine of this loudness; its root mean square is 3 dB below its peak. */
const tone = (ms: number, peakDbfs: number): Uint8Array =>
  encodeMulaw(
    Int16Array.from({ length: ms * 8 }, (_, at) =>
      Math.round(32_767 * 10 ** (peakDbfs / 20) * Math.sin((at * 2 * Math.PI) / 20)),
    ),
  );
const silence = (ms: number): Uint8Array => new Uint8Array(ms * 8).fill(MULAW_SILENCE);

function meteredLine(audio?: LineAudio) {
  const clock = virtualClock();
  const meter = createVoiceMeter(clock);
  const passed: string[] = [];
  let listener: TransportListener | undefined;
  const transport: Transport = {
    name: 'fake',
    leadMs: Infinity,
    ...(audio && { audio }),
    listen: (given) => void (listener = given),
    sendAudio: (mulaw) => void passed.push(`sent ${mulaw.length}`),
    sendMark: (name) => void passed.push(`mark ${name}`),
    clear: () => void passed.push('cleared'),
    close: () => void passed.push('closed'),
  };
  const line = meter.over(transport);
  line.listen({
    audio: (mulaw) => void passed.push(`heard ${mulaw.length}`),
    mark: () => undefined,
    key: () => undefined,
    closed: () => undefined,
  });
  return { clock, meter, line, passed, say: (mulaw: Uint8Array) => listener?.audio(mulaw) };
}

test('a line is the same with a meter on it', () => {
  const { line, passed, say } = meteredLine();
  say(silence(20));
  line.sendAudio(silence(40));
  line.sendMark('a');
  line.clear();
  line.close();
  expect(passed).toEqual(['heard 160', 'sent 320', 'mark a', 'cleared', 'closed']);
});

test('the caller is as loud as the sound since the last reading', async () => {
  const { clock, meter, say } = meteredLine();
  say(tone(200, -6));
  expect(meter.read()).toEqual({ callerDbfs: -60, agentDbfs: -60 });
  await clock.advance(200);
  say(tone(200, -6));
  expect(meter.read().callerDbfs).toBe(-9);
  await clock.advance(200);
  say(tone(100, -6));
  say(silence(100));
  expect(meter.read().callerDbfs).toBe(-12);
  await clock.advance(200);
  say(silence(200));
  expect(meter.read().callerDbfs).toBe(-60);
});

test('a line that carries more is as loud as it is', async () => {
  const { clock, meter, line, say } = meteredLine(WIDE_LINE);
  const square = (ms: number, samplesPerMs: number): Uint8Array =>
    bytesOfSamples(
      Int16Array.from({ length: ms * samplesPerMs }, (_, at) => (at % 2 ? 1 : -1) * 3_277),
    );
  meter.read();
  say(square(200, 16));
  line.sendAudio(square(400, 24));
  await clock.advance(200);
  expect(meter.read()).toEqual({ callerDbfs: -20, agentDbfs: -20 });
});

test('the agent is heard when its sound is played, not when it is sent ahead', async () => {
  const { clock, meter, line } = meteredLine();
  meter.read();
  line.sendAudio(silence(200));
  line.sendAudio(tone(200, -6));
  const levels: number[] = [];
  for (let reading = 0; reading < 3; reading += 1) {
    await clock.advance(200);
    levels.push(meter.read().agentDbfs);
  }
  expect(levels).toEqual([-60, -9, -60]);
});

test('what was thrown away before it was played is not heard', async () => {
  const { clock, meter, line } = meteredLine();
  meter.read();
  line.sendAudio(tone(1_000, -6));
  await clock.advance(200);
  expect(meter.read().agentDbfs).toBe(-9);
  line.clear();
  await clock.advance(200);
  expect(meter.read().agentDbfs).toBe(-60);
});

test('levels are told four times a second while somebody watches, of the calls that changed', async () => {
  const { clock, meter, say } = meteredLine();
  const quiet = createVoiceMeter(clock);
  const watch = createLevelWatch(clock, (instanceId) =>
    instanceId === 'one'
      ? [
          ['loud', meter],
          ['quiet', quiet],
        ]
      : [],
  );
  const told: (readonly VoiceLevels[])[] = [];
  const leave = watch.watch('one', (levels) => told.push(levels));
  const leaveOther = watch.watch('two', () => told.push([]));
  await clock.advance(250);
  say(tone(250, -6));
  await clock.advance(250);
  say(tone(250, -6));
  await clock.advance(250);
  await clock.advance(250);
  expect(told).toEqual([
    [{ call_id: 'loud', caller_dbfs: -9, agent_dbfs: -60 }],
    [{ call_id: 'loud', caller_dbfs: -60, agent_dbfs: -60 }],
  ]);
  leave();
  say(tone(250, -6));
  await clock.advance(1_000);
  expect(told).toHaveLength(2);
  leaveOther();
  expect(clock.pending).toBe(0);
});

test('who watches anew is not told what was said before', async () => {
  const { clock, meter, say } = meteredLine();
  const watch = createLevelWatch(clock, () => [['a', meter]]);
  watch.watch('one', () => undefined)();
  say(tone(250, -6));
  const told: (readonly VoiceLevels[])[] = [];
  const leave = watch.watch('one', (levels) => told.push(levels));
  await clock.advance(500);
  leave();
  expect(told).toEqual([]);
});
