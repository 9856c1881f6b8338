interface Window {
  /** Newer browsers have it. */
  readonly navigation?: EventTarget;
}

/** The package's version, put in by the build. */
declare const __VERSION__: string;
