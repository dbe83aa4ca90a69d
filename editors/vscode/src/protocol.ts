// What Trueup's server says beyond the protocol of language servers. Fields that are not known are
// empty or null; values come from another process, so nothing here is trusted to be HTML.

export const METHOD = {
  input: 'trueup/input',
  evidence: 'trueup/evidence',
  judged: 'trueup/judged',
  settled: 'trueup/settled',
  status: 'trueup/status',
  trusted: 'trueup/trusted',
  suggestions: 'trueup/suggestions',
  trace: 'trueup/trace',
  decisions: 'trueup/decisions',
  search: 'trueup/search',
} as const;

/** Commands of the server; the language client registers each under its own name. */
export const SERVER = {
  verify: 'trueup.verify',
  undo: 'trueup.undo',
  review: 'trueup.review',
  ready: 'trueup.ready',
} as const;

export type Ruling = 'verified' | 'unproven' | 'rejected';

export interface Check {
  check: string;
  outcome: 'passed' | 'failed' | 'unknown';
  detail: string;
  path?: string | null;
  line?: number | null;
}

export interface ChangedFile {
  path: string;
  uri: string;
  /** null where the file is not there on that side. */
  before: string | null;
  after: string | null;
}

export interface Tests {
  selected?: number;
  total?: number;
  passed?: number;
  failed?: string[];
  red_before?: string[];
  changed_statements?: number;
  covered_statements?: number;
  durations?: Record<string, number>;
}

/** One suggestion as the evidence panel shows it. */
export interface Page {
  id: string;
  title: string;
  kind: string;
  outcome: Ruling;
  message: string;
  choices: string[];
  reasons: string[];
  evidence: Check[];
  files: ChangedFile[];
  diff: string;
  tests?: Tests | null;
  counterexample?: string | null;
  decisions?: { id: string; title: string; uri: string }[];
  isolation?: string | null;
  cost?: { usd: number; tokens: number } | null;
  model?: string;
  plan?: string;
  trace?: string;
  elapsed_ms?: number | null;
}

/** What the user did with a page. */
export interface Answer {
  choice: string;
  reason: string;
  decide: boolean;
}

export interface Settled {
  id: string;
  applied: boolean;
  message: string;
}

export interface Spend {
  day_usd: number;
  day_usd_limit: number;
  day_tokens: number;
  day_tokens_limit: number;
}

export interface Status {
  state: 'ready' | 'working' | 'untrusted' | 'limited' | 'safe';
  says: string;
  isolation: string | null;
  spend: Spend | null;
  jobs: { id: string; title: string; says: string }[];
}

export interface PastSuggestion {
  trace: string;
  title: string;
  outcome: string;
  answer: string;
  usd: number | null;
  tokens: number | null;
  started: string | number;
}

export interface RecordedDecision {
  id: string;
  number: string | number | null;
  title: string;
  status: string;
  severity: string;
  paths: string[];
  uri: string;
}

export interface Hit {
  title: string;
  kind: string;
  uri: string;
  line: number;
  why: string;
}
