"""The identity token of a user, with the standard library alone. Reads HANDRAIL_IDENTITY_SECRET."""

import base64
import hashlib
import hmac
import json
import os
import sys
import time


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def identity_token(user_id: str, secret: str, seconds: int = 600) -> str:
    """An HS256 JWT that says who the user is; `seconds`: how long it is good for."""
    claims = {"sub": user_id, "exp": int(time.time()) + seconds}
    parts = [{"alg": "HS256", "typ": "JWT"}, claims]
    text = b".".join(_base64url(json.dumps(part).encode()) for part in parts)
    signature = hmac.new(secret.encode(), text, hashlib.sha256).digest()
    return (text + b"." + _base64url(signature)).decode()


if __name__ == "__main__":
    if len(sys.argv) != 2 or not os.environ.get("HANDRAIL_IDENTITY_SECRET"):
        sys.exit("usage: HANDRAIL_IDENTITY_SECRET=... python3 sign.py USER_ID")
    print(identity_token(sys.argv[1], os.environ["HANDRAIL_IDENTITY_SECRET"]))
