import { useState } from 'react';
import type { ReactNode } from 'react';
import type { Journal } from '#protocol/calls.ts';
import { Empty } from './basics.tsx';
import { Field } from './field.tsx';

type Entry = Journal['entries'][number];

const SHOWN_FIRST = 100;

/** The journal, an entry a line; what was done about an input stands under it. */
export function JournalList({ entries }: { readonly entries: readonly Entry[] }): ReactNode {
  const [sought, setSought] = useState('');
  const [shownCount, setShownCount] = useState(SHOWN_FIRST);
  if (entries.length === 0)
    return <p className="hint">It is written at the end of each turn; none has ended yet.</p>;
  const found = entries
    .map((entry) => ({ atMs: entry.atMs, name: nameOf(entry), text: textOf(entry) }))
    .filter(({ name, text }) => `${name} ${text}`.toLowerCase().includes(sought.toLowerCase()));
  return (
    <>
      <Field
        label="Find in the journal"
        value={sought}
        onChange={setSought}
        placeholder="vendor-switched, played, note …"
      />
      {found.length === 0 && <Empty title="No entry has that." />}
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls, so the keyboard must reach it */}
      <div className="journal" tabIndex={0} role="region" aria-label="Entries">
        <table>
          <thead>
            <tr>
              <th scope="col">ms</th>
              <th scope="col">Entry</th>
              <th scope="col">What</th>
            </tr>
          </thead>
          <tbody>
            {found.slice(0, shownCount).map((entry, at) => (
              // oxlint-disable-next-line react/no-array-index-key -- entries have no other name
              <tr key={at}>
                <td className="number">{Math.round(entry.atMs)}</td>
                <td>{entry.name}</td>
                <td>
                  <code>{entry.text}</code>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {found.length > shownCount && (
        <div className="actions centred">
          <button type="button" onClick={() => setShownCount(shownCount * 3)}>
            Show more ({found.length - shownCount} left)
          </button>
        </div>
      )}
    </>
  );
}

const nameOf = (entry: Entry): string =>
  typeof entry['type'] === 'string' ? entry['type'] : entry['did'] ? 'did' : 'entry';

function textOf({ atMs: _atMs, type: _type, did, text, ...rest }: Entry): string {
  if (Array.isArray(did)) return did.join('\n');
  const words = typeof text === 'string' ? text : '';
  const others = Object.keys(rest).length === 0 ? '' : JSON.stringify(rest);
  return [words, others].filter((one) => one !== '').join(' ');
}
