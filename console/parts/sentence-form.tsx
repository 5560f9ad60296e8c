import { useMutation } from '@tanstack/react-query';
import { useId, useState } from 'react';
import type { FormEvent, ReactNode } from 'react';
import { sentenceOf } from './basics.tsx';

/** One sentence to be said in a call. It stays in its field until it was taken. */
export function SentenceForm({
  label,
  button,
  maxLength,
  onSend,
}: {
  readonly label: string;
  readonly button: string;
  readonly maxLength: number;
  readonly onSend: (text: string) => Promise<unknown>;
}): ReactNode {
  const id = useId();
  const [text, setText] = useState('');
  const sending = useMutation({ mutationFn: () => onSend(text), onSuccess: () => setText('') });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (text.trim() !== '' && !sending.isPending) sending.mutate();
  };
  return (
    <form className="say" onSubmit={submit}>
      <label htmlFor={id} className="visually-hidden">
        {label}
      </label>
      <input
        id={id}
        value={text}
        maxLength={maxLength}
        placeholder={`${label} …`}
        autoComplete="off"
        aria-describedby={sending.error ? `${id}-error` : undefined}
        onChange={(event) => setText(event.target.value)}
      />
      <button type="submit" disabled={text.trim() === '' || sending.isPending}>
        {button}
      </button>
      {sending.error && (
        <p id={`${id}-error`} className="errors" role="alert">
          {sentenceOf(sending.error)}
        </p>
      )}
    </form>
  );
}
