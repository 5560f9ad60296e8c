import { useId } from 'react';
import type { ReactNode } from 'react';

type FieldProps = {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  /** What to know before it is filled in. */
  readonly hint?: ReactNode;
  /** What is wrong with it, one sentence each. */
  readonly errors?: readonly string[];
  readonly rows?: number;
  readonly isCode?: boolean;
  readonly type?: 'text' | 'password';
  readonly placeholder?: string;
  readonly isRequired?: boolean;
  readonly maxLength?: number;
};

/** A labelled text, its hint and its errors, tied together for screen readers. */
export function Field(props: FieldProps): ReactNode {
  const { label, value, onChange, hint, errors = [], rows, isCode = false, isRequired } = props;
  const id = useId();
  const described = [hint ? `${id}-hint` : '', errors.length > 0 ? `${id}-errors` : '']
    .filter((one) => one !== '')
    .join(' ');
  const common = {
    id,
    value,
    placeholder: props.placeholder,
    maxLength: props.maxLength,
    required: isRequired,
    'aria-invalid': errors.length > 0 || undefined,
    'aria-describedby': described || undefined,
    className: isCode ? 'code' : undefined,
    spellCheck: isCode || props.type === 'password' ? false : undefined,
    autoComplete: 'off',
  } as const;
  return (
    <Labelled id={id} label={label} hint={hint} errors={errors}>
      {rows === undefined ? (
        <input
          {...common}
          type={props.type ?? 'text'}
          onChange={(event) => onChange(event.target.value)}
        />
      ) : (
        <textarea {...common} rows={rows} onChange={(event) => onChange(event.target.value)} />
      )}
    </Labelled>
  );
}

/** What stands around a control: its label and hint above it, its errors below. */
function Labelled({
  id,
  label,
  hint,
  errors = [],
  children,
}: Pick<FieldProps, 'label' | 'hint' | 'errors'> & {
  readonly id: string;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {hint && (
        <div className="hint" id={`${id}-hint`}>
          {hint}
        </div>
      )}
      {children}
      {errors.length > 0 && (
        <div className="errors" id={`${id}-errors`} role="alert">
          {errors.map((error) => (
            <p key={error}>{error}</p>
          ))}
        </div>
      )}
    </div>
  );
}

/** A labelled choice out of a few. */
export function SelectField({
  label,
  value,
  options,
  onChange,
  hint,
}: Pick<FieldProps, 'label' | 'value' | 'onChange' | 'hint'> & {
  readonly options: readonly { readonly value: string; readonly name: string }[];
}): ReactNode {
  const id = useId();
  return (
    <Labelled id={id} label={label} hint={hint}>
      <select
        id={id}
        value={value}
        aria-describedby={hint ? `${id}-hint` : undefined}
        onChange={(event) => onChange(event.target.value)}
      >
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.name}
          </option>
        ))}
      </select>
    </Labelled>
  );
}

/** A secret, which is written and never shown. */
export function SecretField({
  label,
  hint,
  errors,
  isSet,
  value,
  onChange,
}: {
  readonly label: string;
  readonly hint?: ReactNode;
  readonly errors?: readonly string[];
  readonly isSet: boolean;
  /** Undefined: as it is; null: to be cleared. */
  readonly value: string | null | undefined;
  readonly onChange: (value: string | null | undefined) => void;
}): ReactNode {
  const state = value === null ? 'will be cleared' : value ? 'new' : isSet ? 'set' : 'not set';
  return (
    <div className="secret">
      <Field
        label={`${label} (${state})`}
        type="password"
        value={value ?? ''}
        placeholder={isSet && value !== null ? 'Type to replace it' : ''}
        onChange={(text) => onChange(text === '' ? undefined : text)}
        {...(hint !== undefined && { hint })}
        {...(errors && { errors })}
      />
      {isSet && (
        <button
          type="button"
          className="quiet"
          aria-label={value === null ? `Keep ${label}` : `Clear ${label}`}
          onClick={() => onChange(value === null ? undefined : null)}
        >
          {value === null ? 'Keep' : 'Clear'}
        </button>
      )}
    </div>
  );
}
