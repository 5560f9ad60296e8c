import { parseArgs } from 'node:util';
import { messageOf, VoiceError } from '#lib/errors.ts';
import {
  changeableFields,
  defaultPolicy,
  expected,
  policyValue,
  readPolicyChange,
} from './policy-fields.ts';
import type { PolicyChange } from './policy-fields.ts';

/** Where the journal is. */
export type JournalPlace =
  | { readonly is: 'store'; readonly callId: string }
  | { readonly is: 'server'; readonly callId: string; readonly url: string; readonly key: string }
  | { readonly is: 'file'; readonly path: string };

export type ReplayArguments =
  | { readonly help: true }
  | {
      readonly help: false;
      readonly place: JournalPlace;
      readonly json: boolean;
      readonly changes: readonly PolicyChange[];
    };

/** @throws VoiceError saying what is wrong with the command line, and what could stand there */
export function readReplayArguments(args: readonly string[]): ReplayArguments {
  const { values, positionals } = parse(args);
  if (values.help) return { help: true };
  return {
    help: false,
    place: placeOf(positionals, values),
    json: values.json ?? false,
    changes: (values.policy ?? []).map(readPolicyChange),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        file: { type: 'string' },
        url: { type: 'string' },
        key: { type: 'string' },
        policy: { type: 'string', multiple: true },
        json: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    });
  } catch (error) {
    throw invalid(messageOf(error));
  }
}

function placeOf(
  positionals: readonly string[],
  { file, url, key }: { readonly file?: string; readonly url?: string; readonly key?: string },
): JournalPlace {
  const [callId, ...more] = positionals;
  if (more.length > 0) throw invalid(`One call at a time: ${more.join(' ')} is too much.`);
  if (file !== undefined) {
    if (callId !== undefined || url !== undefined || key !== undefined)
      throw invalid('--file takes the place of a call’s id, and of --url and --key.');
    return { is: 'file', path: file };
  }
  if (callId === undefined) throw invalid('Which call? Give its id, or a journal by --file.');
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(callId))
    throw invalid(`A call's id is a uuid; "${callId}" is none.`);
  if (url === undefined && key === undefined) return { is: 'store', callId };
  if (url === undefined || key === undefined)
    throw invalid('--url and --key go together: the address of the server, and an API key of it.');
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw invalid('--url must be an address such as http://127.0.0.1:8080.');
  return { is: 'server', callId, url: url.replace(/\/+$/, ''), key };
}

const invalid = (message: string): VoiceError => new VoiceError('invalid', message);

/** The text of `--help`, with every setting and its default. */
export function replayUsage(): string {
  const policy = defaultPolicy();
  const width = Math.max(...changeableFields.map(({ path }) => path.length));
  const settings = changeableFields.map((field) => {
    const value = JSON.stringify(policyValue(policy, field.path) ?? '');
    const unit = field.kind === 'ms' ? ' ms' : '';
    return `  ${field.path.padEnd(width)}  ${field.about}; ${expected(field)}; default ${value}${unit}`;
  });
  return `npm run -s replay -- CALL_ID [--policy setting=value]… [--json]
npm run -s replay -- CALL_ID --url http://127.0.0.1:8080 --key hc_live_…
npm run -s replay -- --file journal.json

Runs a call that took place through today's code and prints, turn by turn, what would be different.
Exits 0 if nothing would be, 1 if something would, 2 if it was asked in a wrong way.

  CALL_ID   a call in the store that the environment names, as for npm run serve
  --url     ask a running server for it instead, with an API key that may read (--key)
  --file    a journal as GET /v1/calls/{id}/journal answers it
  --policy  the same call with another setting; may be given several times
  --json    one JSON object is the only output on stdout
  --help    this text

Settings (the defaults are those of an agent without any; a call begins with its own):

${settings.join('\n')}

docs/replay.md says what the figures can tell, and what they cannot.
`;
}
