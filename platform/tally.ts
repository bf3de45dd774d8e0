import type { Sample } from './metrics.ts'

// Names come from the code; should one be made of something else by mistake, the figures stay few all the same.
const MAX_NAMES = 100

/** Counts what happened, by name and outcome. */
export class Tally {
  readonly #counts = new Map<string, Map<string, number>>()

  add(name: string, outcome: string): void {
    let outcomes = this.#counts.get(name)
    if (!outcomes) {
      if (this.#counts.size >= MAX_NAMES && name !== 'others') return this.add('others', outcome)
      this.#counts.set(name, (outcomes = new Map()))
    }
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  }

  /** As samples with the outcome as one label, and the name as another, called as given. */
  samples(nameLabel: string): Sample[] {
    return [...this.#counts].flatMap(([name, outcomes]) =>
      [...outcomes].map(([outcome, value]) => ({ labels: { [nameLabel]: name, outcome }, value })),
    )
  }
}
