// The hook: once for the page, StrictMode or not.

import { act, createElement, StrictMode } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { handrail, type Options } from "../src/index";
import { useHandrail, useHandrailEvent } from "../src/react";

const OPTIONS: Options = { key: `pk_00000000_${"0".repeat(36)}`, endpoint: "https://handrail.example.test" };
let root: Root;
let calls: unknown[][];

function App({
  options,
  heard,
}: {
  options: Options | null;
  heard?: ((detail: unknown) => void) | undefined;
}) {
  useHandrail(options);
  useHandrailEvent("action", (detail) => heard?.(detail));
  return null;
}

const render = (options: Options | null, heard?: (detail: unknown) => void) =>
  act(() => root.render(createElement(StrictMode, null, createElement(App, { options, heard }))));

beforeEach(() => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  calls = [];
  for (const name of ["init", "identify", "reset", "consent"] as const) {
    vi.spyOn(handrail, name).mockImplementation((...args: unknown[]) => {
      calls.push([name, ...args]);
    });
  }
  root = createRoot(document.createElement("div"));
});

afterEach(async () => {
  await act(() => root.unmount());
  vi.unstubAllGlobals();
});

describe("useHandrail", () => {
  it("starts once, and waits for options", async () => {
    await render(null);
    expect(calls).toEqual([]);
    await render(OPTIONS);
    await render({ ...OPTIONS });
    expect(calls).toEqual([["init", OPTIONS]]);
  });

  it("follows the user: login, another user, logout", async () => {
    await render(OPTIONS);
    await render({ ...OPTIONS, userId: "a", traits: { plan: "pro" } });
    await render({ ...OPTIONS, userId: "b" });
    await render(OPTIONS);
    expect(calls.slice(1)).toEqual([
      ["identify", "a", { traits: { plan: "pro" } }],
      ["identify", "b", {}],
      ["reset"],
    ]);
  });

  it("asks the token function of the latest render", async () => {
    await render({ ...OPTIONS, userId: "a", token: () => "old" });
    await render({ ...OPTIONS, userId: "a", token: () => "new" });
    const [, given] = calls[0] as [string, Options];
    expect(typeof given.token === "function" && given.token()).toBe("new");
    expect(calls).toHaveLength(1);
  });

  it("passes on what the user says about consent", async () => {
    await render({ ...OPTIONS, consent: "pending" });
    await render({ ...OPTIONS, consent: "granted" });
    expect(calls.slice(1)).toEqual([["consent", "granted"]]);
  });

  it("hears events with the latest handler, once, as long as it is there", async () => {
    const listeners = new Set<(detail: Record<string, unknown>) => void>();
    vi.spyOn(handrail, "on").mockImplementation((_, fn) => {
      listeners.add(fn);
      return () => listeners.delete(fn);
    });
    const first = vi.fn();
    const second = vi.fn();
    await render(OPTIONS, first);
    await render(OPTIONS, second);
    for (const fn of listeners) fn({ action_id: "x" });
    expect(first).not.toHaveBeenCalled();
    expect(second).toHaveBeenCalledExactlyOnceWith({ action_id: "x" });
    await act(() => root.render(null));
    expect(listeners.size).toBe(0);
  });
});
