import { describe, expect, test } from 'vitest';
import { decodeMulaw, encodeMulaw } from '#audio/g711.ts';
import { pcmSource } from './pcm-line.ts';

/** 20 ms of one level, as the far side sends them. */
const frame = (level: number): Buffer => {
  const pcm = new Int16Array(160).fill(level);
  return Buffer.from(pcm.buffer);
};

function open() {
  const said: unknown[] = [];
  const audio: Buffer[] = [];
  const { source, receive } = pcmSource((data) => {
    if (typeof data === 'string') said.push(JSON.parse(data));
    else audio.push(data);
  });
  const tell = (event: string, id = 1): void =>
    receive(Buffer.from(JSON.stringify({ event, id })), false);
  const play = (): number | undefined => {
    const mulaw = source.play();
    return mulaw && decodeMulaw(mulaw)[0];
  };
  return { source, receive, tell, play, said, audio };
}

describe('the far end of a line of linear frames', () => {
  test('plays what it is sent, 20 ms at a time, whatever the pieces were', () => {
    const { receive, play } = open();
    receive(Buffer.concat([frame(1_000), frame(4_000).subarray(0, 100)]), true);
    receive(frame(4_000).subarray(100), true);
    const level = (sample: number) => decodeMulaw(encodeMulaw(Int16Array.of(sample)))[0];
    expect([play(), play(), play()]).toEqual([level(1_000), level(4_000), undefined]);
  });

  test('says that a piece was played when its last sample was', () => {
    const { receive, tell, play, said } = open();
    receive(frame(1_000), true);
    tell('end', 7);
    play();
    expect(said).toEqual([]);
    play();
    expect(said).toEqual([{ event: 'played', id: 7 }]);
  });

  test('throws away what is buffered, and plays what comes after', () => {
    const { receive, tell, play, said } = open();
    for (let sent = 0; sent < 5; sent += 1) receive(frame(2_000), true);
    play();
    tell('end', 1);
    tell('clear', 1);
    expect(play()).toBeUndefined();
    receive(frame(2_000), true);
    tell('end', 2);
    expect(play()).toBeGreaterThan(0);
    play();
    expect(said).toEqual([{ event: 'played', id: 2 }]);
  });

  test('is silent while it is paused, and loses nothing', () => {
    const { receive, tell, play } = open();
    receive(Buffer.concat([frame(1_000), frame(1_000)]), true);
    play();
    tell('pause');
    expect(play()).toBeUndefined();
    tell('resume');
    expect(play()).toBeGreaterThan(0);
  });

  test('gives the caller to the far side as 16-bit samples', () => {
    const { source, audio } = open();
    const mulaw = encodeMulaw(new Int16Array(160).fill(1_000));
    source.hear?.(mulaw);
    expect(audio[0]?.length).toBe(320);
    expect(audio[0]?.readInt16LE(0)).toBe(decodeMulaw(mulaw)[0]);
  });
});
