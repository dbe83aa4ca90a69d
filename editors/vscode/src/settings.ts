// The settings of the editor in the form in which the server takes them.

/** Reads one setting by its name below `trueup.`. */
export type Read = <T>(name: string) => T | undefined;

/** What the user has set, and nothing else: what is left out is decided by the machine's own file. */
export function serverSettings(read: Read, interpreter: string): Record<string, unknown> {
  const model = present({
    base_url: read<string>('model.baseUrl') || undefined,
    models: read<string[]>('model.names')?.length ? read<string[]>('model.names') : undefined,
    effort: read<string>('model.effort') || undefined,
  });
  const budget = present({
    day_usd: read<number | null>('budget.dayUsd') ?? undefined,
    suggestion_usd: read<number | null>('budget.suggestionUsd') ?? undefined,
  });
  const minimum = read<string>('isolation.minimum');
  return present({
    interpreter: interpreter || undefined,
    apply_model_changes: read<string>('applyModelChanges'),
    isolation: minimum && minimum !== 'any' ? { minimum } : undefined,
    model: Object.keys(model).length ? model : undefined,
    budget: Object.keys(budget).length ? budget : undefined,
    background: present({
      enabled: read<boolean>('background.fixes'),
      model: read<boolean>('background.model'),
    }),
  });
}

function present(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
