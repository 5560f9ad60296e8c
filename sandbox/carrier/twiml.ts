import { XMLParser, XMLValidator } from 'fast-xml-parser';

export type HttpMethod = 'GET' | 'POST';

export type StreamNoun = {
  readonly url: string;
  readonly name: string | undefined;
  readonly track: string;
  readonly statusCallback: string | undefined;
  readonly statusCallbackMethod: HttpMethod;
  readonly parameters: Readonly<Record<string, string>>;
};

export type Verb =
  | { readonly verb: 'Say'; readonly text: string; readonly loop: number }
  | { readonly verb: 'Pause'; readonly lengthMs: number }
  | { readonly verb: 'Redirect'; readonly url: string; readonly method: HttpMethod }
  | { readonly verb: 'Reject'; readonly reason: 'rejected' | 'busy' }
  | { readonly verb: 'Hangup' }
  | {
      readonly verb: 'Connect';
      readonly action: string | undefined;
      readonly method: HttpMethod;
      readonly stream: StreamNoun;
    }
  /** Hands the call over to a number. */
  | { readonly verb: 'Dial'; readonly number: string; readonly ringsMs: number }
  /** Valid TwiML that this carrier does not carry out. */
  | { readonly verb: 'NotCarried'; readonly name: string };

export type Twiml =
  | { readonly ok: true; readonly verbs: readonly Verb[]; readonly warnings: readonly string[] }
  /** No TwiML at all: Twilio's error 12100. */
  | { readonly ok: false; readonly message: string };

type Element = {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly Element[];
  readonly text: string;
};

/** Longest document the real service reads (its error 11750). */
export const MAX_TWIML_BYTES = 64 * 1024;
/** Name and value of one `<Parameter>` together. */
const MAX_PARAMETER_CHARS = 500;
const OTHER_VERBS = new Set(
  'Echo Enqueue Gather Leave Pay Play Prompt Queue Record Refer Sms Start Stop'.split(' '),
);
const OTHER_NOUNS = new Set(
  'AiSession Assistant Autopilot Conversation ConversationRelay Room VirtualAgent'.split(' '),
);

/**
 * Reads a TwiML document as the real service does: XML that is not well-formed, or has another root
 * than `<Response>`, is refused; what the schema does not know is a warning (12200) and is passed over.
 */
export function parseTwiml(document: string): Twiml {
  const valid = XMLValidator.validate(document);
  if (valid !== true) return { ok: false, message: `line ${valid.err.line}: ${valid.err.msg}` };
  const parser = new XMLParser({
    preserveOrder: true,
    ignoreAttributes: false,
    attributeNamePrefix: '',
    ignoreDeclaration: true,
    parseTagValue: false,
    parseAttributeValue: false,
  });
  const roots = elementsOf(parser.parse(document));
  const [root] = roots;
  if (!root || roots.length !== 1 || root.name !== 'Response')
    return { ok: false, message: 'the root element must be <Response>' };

  const warnings: string[] = [];
  const warn = (message: string): void => void warnings.push(message);
  if (root.text !== '') warn('text is not allowed in <Response>');
  checkAttributes(root, [], warn);
  const verbs = root.children.flatMap((element) => verbOf(element, warn) ?? []);
  return { ok: true, verbs, warnings };
}

/** Undefined: passed over, and warned of. */
function verbOf(element: Element, warn: (message: string) => void): Verb | undefined {
  const { name, attributes } = element;
  switch (name) {
    case 'Say':
      checkAttributes(element, ['voice', 'language', 'loop'], warn);
      noChildren(element, warn);
      return { verb: 'Say', text: element.text, loop: wholeOf(element, 'loop', 1, warn) };
    case 'Pause':
      checkAttributes(element, ['length'], warn);
      noChildren(element, warn);
      return { verb: 'Pause', lengthMs: wholeOf(element, 'length', 1, warn) * 1_000 };
    case 'Redirect':
      checkAttributes(element, ['method'], warn);
      noChildren(element, warn);
      return { verb: 'Redirect', url: element.text, method: methodOf(element, 'method', warn) };
    case 'Reject': {
      checkAttributes(element, ['reason'], warn);
      noChildren(element, warn);
      const { reason = 'rejected' } = attributes;
      if (reason === 'busy' || reason === 'rejected') return { verb: 'Reject', reason };
      warn(`<Reject> reason "${reason}" is not allowed`);
      return { verb: 'Reject', reason: 'rejected' };
    }
    case 'Hangup':
      checkAttributes(element, [], warn);
      noChildren(element, warn);
      return { verb: 'Hangup' };
    case 'Connect':
      return connectOf(element, warn);
    case 'Dial':
      return dialOf(element, warn);
    default:
      if (OTHER_VERBS.has(name)) return { verb: 'NotCarried', name };
      warn(`<${name}> is not allowed in <Response>`);
      return undefined;
  }
}

/** One number, bare or as a noun; several at once, other nouns and an action are not carried out. */
function dialOf(element: Element, warn: (message: string) => void): Verb {
  const { attributes, children, text } = element;
  checkAttributes(
    element,
    ['action', 'method', 'timeout', 'timeLimit', 'callerId', 'answerOnBridge', 'hangupOnStar'],
    warn,
  );
  const [noun] = children;
  if (children.length > 1 || (noun && noun.name !== 'Number') || attributes['action'] !== undefined)
    return { verb: 'NotCarried', name: noun ? `Dial><${noun.name}` : 'Dial action' };
  return {
    verb: 'Dial',
    number: noun ? noun.text : text,
    ringsMs: wholeOf(element, 'timeout', 30, warn) * 1_000,
  };
}

function connectOf(element: Element, warn: (message: string) => void): Verb | undefined {
  checkAttributes(element, ['action', 'method'], warn);
  const other = element.children.find((child) => OTHER_NOUNS.has(child.name));
  if (other) return { verb: 'NotCarried', name: `Connect><${other.name}` };
  for (const child of element.children)
    if (child.name !== 'Stream') warn(`<${child.name}> is not allowed in <Connect>`);
  const streams = element.children.filter((child) => child.name === 'Stream');
  if (streams.length > 1) warn('<Connect> takes one <Stream>');
  const [stream] = streams;
  if (!stream) {
    warn('<Connect> needs a noun');
    return undefined;
  }
  const { action } = element.attributes;
  const method = methodOf(element, 'method', warn);
  return { verb: 'Connect', action, method, stream: streamOf(stream, warn) };
}

function streamOf(element: Element, warn: (message: string) => void): StreamNoun {
  const { attributes } = element;
  checkAttributes(
    element,
    ['url', 'name', 'track', 'statusCallback', 'statusCallbackMethod', 'connectorName'],
    warn,
  );
  const parameters: Record<string, string> = {};
  for (const child of element.children) {
    const { name, value } = child.attributes;
    if (child.name !== 'Parameter') warn(`<${child.name}> is not allowed in <Stream>`);
    else if (name === undefined || value === undefined)
      warn('<Parameter> needs the attributes name and value');
    else if (name.length + value.length > MAX_PARAMETER_CHARS)
      warn(`<Parameter> "${name}" is longer than ${MAX_PARAMETER_CHARS} characters`);
    else parameters[name] = value;
    checkAttributes(child, ['name', 'value'], warn);
    noChildren(child, warn);
  }
  return {
    url: attributes['url'] ?? '',
    name: attributes['name'],
    track: attributes['track'] ?? 'inbound_track',
    statusCallback: attributes['statusCallback'],
    statusCallbackMethod: methodOf(element, 'statusCallbackMethod', warn),
    parameters,
  };
}

function checkAttributes(
  { name, attributes }: Element,
  allowed: readonly string[],
  warn: (message: string) => void,
): void {
  for (const attribute of Object.keys(attributes))
    if (!allowed.includes(attribute)) warn(`attribute ${attribute} is not allowed in <${name}>`);
}

function noChildren({ name, children }: Element, warn: (message: string) => void): void {
  for (const child of children) warn(`<${child.name}> is not allowed in <${name}>`);
}

function wholeOf(
  { name, attributes }: Element,
  attribute: string,
  fallback: number,
  warn: (message: string) => void,
): number {
  const text = attributes[attribute];
  if (text === undefined) return fallback;
  if (/^\d{1,6}$/.test(text)) return Number(text);
  warn(`<${name}> ${attribute} "${text}" is not a whole number`);
  return fallback;
}

function methodOf(
  { name, attributes }: Element,
  attribute: string,
  warn: (message: string) => void,
): HttpMethod {
  const method = attributes[attribute] ?? 'POST';
  if (method === 'GET' || method === 'POST') return method;
  warn(`<${name}> ${attribute} "${method}" is not allowed`);
  return 'POST';
}

/** Reads what `fast-xml-parser` answers with `preserveOrder`: a tag's name beside `:@` for its attributes. */
const elementsOf = (nodes: unknown): readonly Element[] => nodesOf(nodes).flatMap(elementOf);

function elementOf(node: Readonly<Record<string, unknown>>): readonly Element[] {
  const name = Object.keys(node).find((key) => key !== ':@');
  if (name === undefined || name.startsWith('#')) return [];
  const inside = nodesOf(node[name]);
  const attributes = Object.entries(isRecord(node[':@']) ? node[':@'] : {});
  return [
    {
      name,
      attributes: Object.fromEntries(attributes.map(([key, value]) => [key, String(value)])),
      children: elementsOf(inside),
      text: inside
        .flatMap(({ '#text': text }) => (typeof text === 'string' ? [text] : []))
        .join(' ')
        .trim(),
    },
  ];
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const nodesOf = (value: unknown): readonly Readonly<Record<string, unknown>>[] =>
  Array.isArray(value) ? value.filter(isRecord) : [];
