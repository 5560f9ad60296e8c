import type { ReactNode } from 'react';
import type { Orders, VendorChoice } from '../lib/agent-form.ts';
import { roleNames, vendorFacts } from '../lib/vendor-chain.ts';
import type { RoleName } from '../lib/vendor-chain.ts';
import { Field } from './field.tsx';

const ROLES = ['stt', 'llm', 'tts'] as const satisfies readonly RoleName[];
const MODEL_FIELDS = { stt: 'stt_model', llm: 'llm_model', tts: 'tts_model' } as const;
const MODEL_LABELS = {
  stt: 'model that hears',
  llm: 'model that thinks',
  tts: 'model that speaks',
};

/** Who hears, thinks and speaks, in which order, and with which models and voices. */
export function VoicesFields({
  orders,
  vendors,
  errorsOf,
  onOrders,
  onVendors,
}: {
  readonly orders: Orders;
  readonly vendors: Readonly<Record<string, VendorChoice>>;
  readonly errorsOf: (field: RoleName | 'vendors') => readonly string[];
  readonly onOrders: (orders: Orders) => void;
  readonly onVendors: (vendors: Readonly<Record<string, VendorChoice>>) => void;
}): ReactNode {
  const choose = (vendor: string, field: keyof VendorChoice, value: string): void => {
    const { [field]: _old, ...others } = vendors[vendor] ?? {};
    const choice: VendorChoice = value === '' ? others : { ...others, [field]: value };
    const { [vendor]: _vendor, ...rest } = vendors;
    onVendors(Object.keys(choice).length === 0 ? rest : { ...rest, [vendor]: choice });
  };
  return (
    <fieldset>
      <legend>Models and voices</legend>
      <p className="hint">
        The order is that of preference; vendors without a key are passed over. Empty: the server’s
        own order, and each vendor’s usual model and voice.
      </p>
      <div className="grid">
        {ROLES.map((role) => (
          <Field
            key={role}
            label={`${roleNames[role]}, in this order`}
            value={orders[role]}
            placeholder={vendorFacts
              .filter((vendor) => vendor.roles.includes(role))
              .map(({ name }) => name)
              .join(', ')}
            errors={errorsOf(role)}
            onChange={(text) => onOrders({ ...orders, [role]: text })}
          />
        ))}
      </div>
      <details open={Object.keys(vendors).length > 0}>
        <summary>Models and voices by vendor</summary>
        {vendorFacts.map((vendor) => (
          <div key={vendor.name} className="grid" role="group" aria-label={vendor.label}>
            {vendor.roles.map((role) => (
              <Field
                key={role}
                label={`${vendor.label}: ${MODEL_LABELS[role]}`}
                value={vendors[vendor.name]?.[MODEL_FIELDS[role]] ?? ''}
                onChange={(text) => choose(vendor.name, MODEL_FIELDS[role], text)}
              />
            ))}
            {vendor.roles.includes('tts') && (
              <Field
                label={`${vendor.label}: voice`}
                value={vendors[vendor.name]?.voice ?? ''}
                onChange={(text) => choose(vendor.name, 'voice', text)}
              />
            )}
          </div>
        ))}
      </details>
      {errorsOf('vendors').map((error) => (
        <p key={error} className="errors" role="alert">
          {error}
        </p>
      ))}
    </fieldset>
  );
}
