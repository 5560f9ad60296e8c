import type { ClientDrive, ClientEvent, Connection, Target } from '../support/client-drive.ts';

/** What a page does with the client. What it takes and gives is JSON, so that a page can be told to. */
export type Actions = {
  start(target: Target): Promise<void>;
  connect(connection: Connection, socketOrigin: string): Promise<void>;
  events(): Promise<readonly ClientEvent[]>;
  type(text: string, isAnswered?: boolean): Promise<void>;
  press(keys: string): Promise<void>;
  /** A client message that is to be answered. Rejects with what the answer says is wrong. */
  ask(what: string): Promise<unknown>;
  /** Has the page a function that always answers so; what it was called with is an event of this name. */
  offer(name: string, answer: string): Promise<void>;
  /** Tells the server that the caller hangs up. */
  disconnectBot(): Promise<void>;
  /** Closes the line. */
  disconnect(): Promise<void>;
  /** Resolves when the client is disconnected, whoever hung up. */
  over(): Promise<void>;
};

export function actionsOf(drive: ClientDrive): Actions {
  const { client } = drive;
  const asked: ClientEvent[] = [];
  return {
    start: drive.start,
    connect: drive.connect,
    events: async () => [...drive.events, ...asked],
    type: (text, isAnswered = true) => client.sendText(text, { run_immediately: isAnswered }),
    press: async (keys) => client.sendDTMF(keys),
    ask: (what) =>
      client.sendClientRequest(what, {}).catch((refusal: unknown) => {
        throw new Error(JSON.stringify(refusal));
      }),
    offer: async (name, answer) =>
      client.registerFunctionCallHandler(name, async (data) => {
        asked.push({ name, data });
        return answer;
      }),
    disconnectBot: async () => client.disconnectBot(),
    disconnect: () => client.disconnect(),
    over: () => drive.over,
  };
}
