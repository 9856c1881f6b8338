// Nothing of ours may ever throw into the page. Five faults switch the snippet off for this page.

const BUDGET = 5;

export class Guard {
  private faults = 0;
  private spent = false;
  private onSpent: () => void = () => {};

  /** What to do when the budget is spent. */
  whenSpent(fn: () => void): void {
    this.onSpent = fn;
  }

  run<T>(fn: () => T): T | undefined {
    if (this.spent) return undefined;
    try {
      const result = fn();
      if (result instanceof Promise) {
        return result.catch((error: unknown) => this.fault(error)) as T;
      }
      return result;
    } catch (error) {
      this.fault(error);
      return undefined;
    }
  }

  wrap<A extends unknown[]>(fn: (...args: A) => void): (...args: A) => void {
    return (...args) => {
      this.run(() => fn(...args));
    };
  }

  private fault(error: unknown): void {
    this.faults += 1;
    debug(error);
    if (this.faults !== BUDGET) return;
    try {
      this.onSpent();
    } catch {
      // Nothing is left to do.
    }
    // Not before: the last report is sent under this guard, too.
    this.spent = true;
  }
}

/** One quiet line, hidden in consoles unless asked for. */
export function debug(...what: unknown[]): void {
  try {
    console.debug("[handrail]", ...what);
  } catch {
    // A page may replace its console.
  }
}
