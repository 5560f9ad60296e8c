import { once } from 'node:events';
import twilio from 'twilio';
import { afterEach, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { systemClock } from '#lib/clock.ts';
import type { Caller } from '#sandbox/caller/caller.ts';
import { startHttp } from '#sandbox/lib/http.ts';
import type { HttpServer } from '#sandbox/lib/http.ts';
import type { VoiceBank } from '#sandbox/speech/speech.ts';
import { startCarrier } from './carrier.ts';
import type { Carrier } from './carrier.ts';

const bank: VoiceBank = {
  clips: [],
  speak: async (text, voice) => ({ text, voice, pcm: new Int16Array(160), words: [] }),
};
const TO = '+15550100002';
const closing: (HttpServer | Carrier)[] = [];

afterEach(async () => {
  for (const each of closing.splice(0)) await each.close();
});

const silent = (): Caller => ({
  answered: () => undefined,
  hear: () => undefined,
  nextFrame: () => undefined,
  ended: () => undefined,
});

/** A server that answers the webhook with a stream, and both only to who signs as Twilio does. */
async function strictServer(twiml: string, upgradeStatus = 101) {
  const wss = new WebSocketServer({ noServer: true });
  const seen: { readonly host: string | undefined; readonly valid: boolean }[] = [];
  const judge = (
    headers: Readonly<Record<string, string | string[] | undefined>>,
    url: string,
    params: Record<string, string>,
  ): boolean => {
    const valid = twilio.validateRequest(
      'secret',
      String(headers['x-twilio-signature']),
      url,
      params,
    );
    seen.push({ host: headers['host']?.toString(), valid });
    return valid;
  };
  const server = await startHttp({
    onRequest({ url, request, response, body }) {
      const params = Object.fromEntries(new URLSearchParams(body.toString()));
      const valid = judge(request.headers, `https://voice.example.test${url.pathname}`, params);
      response.writeHead(valid ? 200 : 403, { 'content-type': 'text/xml' }).end(twiml);
    },
    onUpgrade(request, socket, head) {
      const valid = judge(request.headers, `wss://voice.example.test${request.url ?? ''}`, {});
      if (!valid || upgradeStatus !== 101) socket.end(`HTTP/1.1 ${upgradeStatus} No\r\n\r\n`);
      else wss.handleUpgrade(request, socket, head, (accepted) => wss.emit('connection', accepted));
    },
  });
  const carrier = await startCarrier({
    clock: systemClock,
    bank,
    routes: { 'https://voice.example.test': server.origin },
  });
  closing.push(carrier, server);
  const { accountSid } = carrier.addAccount({ authToken: 'secret' });
  carrier.addNumber({ accountSid, phoneNumber: TO, voiceUrl: 'https://voice.example.test/twiml' });
  return { carrier, server, wss, seen };
}

const dial = (carrier: Carrier) => carrier.dial({ from: '+15550100001', to: TO, caller: silent() });
const STREAM =
  '<Response><Connect><Stream url="wss://voice.example.test/stream"/></Connect></Response>';

test('a server behind the route sees the public host and valid signatures, and speaks over a real socket', async () => {
  const { carrier, wss, seen } = await strictServer(STREAM);
  const connected = once(wss, 'connection');
  const call = dial(carrier);
  const [socket] = await connected;
  const events: string[] = [];
  await new Promise<void>((resolve) => {
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString());
      events.push(message.event);
      if (message.event === 'start')
        socket.send(
          JSON.stringify({ event: 'mark', streamSid: message.streamSid, mark: { name: 'm' } }),
        );
      if (message.event === 'mark') resolve();
    });
  });
  expect(events.slice(0, 2)).toEqual(['connected', 'start']);
  expect(seen).toEqual([
    { host: 'voice.example.test', valid: true },
    { host: 'voice.example.test', valid: true },
  ]);
  socket.close();
  await call.done;
  expect(carrier.warnings).toEqual([]);
});

test('an upgrade that is refused is told with its status', async () => {
  const { carrier } = await strictServer(STREAM, 403);
  await dial(carrier).done;
  expect(carrier.warnings.map(({ code, message }) => [code, message.includes('403')])).toEqual([
    [31_920, true],
  ]);
});

test('a socket that dies without a close frame is a broken pipe', async () => {
  const { carrier, wss } = await strictServer(STREAM);
  wss.on('connection', (socket) => socket.terminate());
  await dial(carrier).done;
  expect(carrier.warnings.map(({ code }) => code)).toEqual([31_903]);
});

test('a close with an error code is told, a plain one is not', async () => {
  const { carrier, wss } = await strictServer(STREAM);
  wss.on('connection', (socket) => socket.close(1_011));
  await dial(carrier).done;
  expect(carrier.warnings.map(({ code }) => code)).toEqual([31_921]);
});

test('what has no route does not exist, and nobody listening is no connection', async () => {
  const { carrier, server } = await strictServer(STREAM);
  const { accountSid } = carrier.addAccount();
  carrier.addNumber({
    accountSid,
    phoneNumber: '+15550100003',
    voiceUrl: 'https://other.example.test/twiml',
  });
  await carrier.dial({ from: '+15550100001', to: '+15550100003', caller: silent() }).done;
  await server.close();
  await dial(carrier).done;
  expect(carrier.warnings.map(({ code }) => code)).toEqual([11_210, 11_205]);
});
