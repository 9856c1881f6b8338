"use client";
// A Next.js app with Handrail (app router): a client's component, put into the layout.
import { useHandrail } from "onboarding-agent-sdk/react";

const token = () => fetch("/handrail-token").then((answer) => answer.text());

/** `userId`: who is logged in, as the server knows it; undefined for visitors. */
export function Handrail({ userId }) {
  useHandrail({
    key: process.env.NEXT_PUBLIC_HANDRAIL_KEY,
    endpoint: process.env.NEXT_PUBLIC_HANDRAIL_URL,
    ...(userId && { userId, token }),
  });
  return null;
}
