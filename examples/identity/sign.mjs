// The identity token of a user, with Node alone. Reads HANDRAIL_IDENTITY_SECRET.
import { createHmac } from "node:crypto";
import { argv, env, exit } from "node:process";
import { fileURLToPath } from "node:url";

/** An HS256 JWT that says who the user is; `seconds`: how long it is good for. */
export function identityToken(userId, secret, seconds = 600) {
  const claims = { sub: userId, exp: Math.floor(Date.now() / 1000) + seconds };
  const text = [{ alg: "HS256", typ: "JWT" }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .join(".");
  return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  if (!argv[2] || argv[3] || !env.HANDRAIL_IDENTITY_SECRET) {
    console.error("usage: HANDRAIL_IDENTITY_SECRET=... node sign.mjs USER_ID");
    exit(1);
  }
  console.log(identityToken(argv[2], env.HANDRAIL_IDENTITY_SECRET));
}
