import { newSid } from './accounts.ts';

/** An elastic SIP trunk: how calls of an account's numbers go to, and come from, another network. */
export type Trunk = {
  readonly sid: string;
  readonly accountSid: string;
  /** The termination URI, such as `acme.pstn.twilio.com`; null: none is set. */
  readonly domainName: string | null;
  /** Where calls that come in are sent. */
  readonly origination: readonly { readonly sid: string; readonly sipUrl: string }[];
  readonly createdAtMs: number;
};

type Json = Readonly<Record<string, unknown>>;

export type TrunkSettings = {
  readonly accountSid: string;
  readonly domainName?: string;
  readonly originationUrls?: readonly string[];
};

export const newTrunk = (settings: TrunkSettings, nowMs: number): Trunk => ({
  sid: newSid('TK'),
  accountSid: settings.accountSid,
  domainName: settings.domainName ?? null,
  origination: (settings.originationUrls ?? []).map((sipUrl) => ({ sid: newSid('OU'), sipUrl })),
  createdAtMs: nowMs,
});

/** Trunks have a host of their own, which the sandbox plays at the same address as the others. */
export const TRUNKS = '/v1/Trunks';

/**
 * The reading part of Twilio's trunking API, version 1: one trunk, a page of them, a page of a
 * trunk's origination URLs. Undefined: there is no such thing.
 */
export function trunkBody(own: readonly Trunk[], path: string): Json | undefined {
  const [sid, sub, ...more] = path.slice(TRUNKS.length).split('/').slice(1);
  if (sid === undefined) return pageOf('trunks', own.map(renderTrunk), path);
  const trunk = own.find((candidate) => candidate.sid === sid);
  if (!trunk || more.length > 0) return undefined;
  if (sub === undefined) return renderTrunk(trunk);
  if (sub !== 'OriginationUrls') return undefined;
  return pageOf('origination_urls', renderOrigination(trunk), path);
}

const urlOf = (path: string): string => `https://trunking.twilio.com${path}`;

const iso = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');

const renderTrunk = (trunk: Trunk): Json => {
  const url = urlOf(`${TRUNKS}/${trunk.sid}`);
  return {
    account_sid: trunk.accountSid,
    auth_type: '',
    auth_type_set: [],
    cnam_lookup_enabled: false,
    date_created: iso(trunk.createdAtMs),
    date_updated: iso(trunk.createdAtMs),
    disaster_recovery_method: null,
    disaster_recovery_url: null,
    domain_name: trunk.domainName,
    friendly_name: null,
    links: { origination_urls: `${url}/OriginationUrls` },
    recording: { mode: 'do-not-record', trim: 'do-not-trim' },
    secure: false,
    sid: trunk.sid,
    symmetric_rtp_enabled: false,
    transfer_caller_id: 'from-transferee',
    transfer_mode: 'disable-all',
    url,
  };
};

const renderOrigination = (trunk: Trunk): readonly Json[] =>
  trunk.origination.map(({ sid, sipUrl }, index) => ({
    account_sid: trunk.accountSid,
    date_created: iso(trunk.createdAtMs),
    date_updated: iso(trunk.createdAtMs),
    enabled: true,
    friendly_name: `origination ${index + 1}`,
    priority: 10 + index,
    sid,
    sip_url: sipUrl,
    trunk_sid: trunk.sid,
    url: urlOf(`${TRUNKS}/${trunk.sid}/OriginationUrls/${sid}`),
    weight: 10,
  }));

/** All on one page: a customer of the sandbox has a handful. */
const pageOf = (key: string, items: readonly Json[], path: string): Json => ({
  [key]: items,
  meta: {
    first_page_url: urlOf(path),
    key,
    next_page_url: null,
    page: 0,
    page_size: 50,
    previous_page_url: null,
    url: urlOf(path),
  },
});
