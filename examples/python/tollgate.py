"""Verifies Tollgate's access tokens. Copy this file into your service."""

import logging
import os
from typing import Annotated

import httpx
import jwt
from fastapi import Depends, HTTPException, Request
from fastapi.responses import JSONResponse

# `APP_URL` of Tollgate: the issuer of the tokens.
ISSUER = os.environ.get("TOLLGATE_URL", "http://127.0.0.1:8080").rstrip("/")
# `TOKEN_AUDIENCE` of Tollgate; by default its `APP_URL`.
AUDIENCE = os.environ.get("TOLLGATE_AUDIENCE", ISSUER)
# The service credential with which this service may introspect tokens.
CREDENTIAL = (os.environ.get("TOLLGATE_CLIENT_ID", ""), os.environ.get("TOLLGATE_CLIENT_SECRET", ""))

tollgate = httpx.Client(timeout=5, trust_env=False)
discovery = tollgate.get(f"{ISSUER}/.well-known/openid-configuration").raise_for_status().json()
if discovery["issuer"] != ISSUER:
    raise RuntimeError(f"TOLLGATE_URL is {ISSUER}, but the issuer is {discovery['issuer']}")

# Cached for 5 minutes. A key that is not known yet is requested at once, at most every 30 seconds.
keys = jwt.PyJWKClient(discovery["jwks_uri"], lifespan=300, cooldown_duration=30, timeout=5)


class Problem(HTTPException):
    """A response of RFC 9457."""

    def __init__(self, status, code, detail, headers=None, **more):
        super().__init__(status, detail, headers)
        self.body = {"type": f"{ISSUER}/problems/{code}", "title": code.replace("_", " "), "status": status, "detail": detail, "code": code, **more}


def show_problem(_request: Request, problem: Problem):
    return JSONResponse(problem.body, problem.status_code, problem.headers, media_type="application/problem+json")


def unauthenticated(error=None):
    """401; `error` is that of RFC 6750."""
    header = f'Bearer error="{error}"' if error else "Bearer"
    return Problem(401, "unauthenticated", "Send a valid access token.", {"www-authenticate": header})


def unavailable(what, error):
    logging.error("%s: %s", what, error)
    return Problem(503, "unavailable", "Try again in a moment.", {"retry-after": "5"})


def bearer(request: Request):
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise unauthenticated()
    return token.strip()


# These are plain functions, not coroutines: FastAPI runs them in its thread pool, so that no request waits for the keys
# of another one.
def user(token: Annotated[str, Depends(bearer)]):
    """For signed-in users: the claims of the token."""
    try:
        verified = jwt.decode_complete(
            token,
            keys.get_signing_key_from_jwt(token),
            algorithms=["ES256", "EdDSA"],
            issuer=ISSUER,
            audience=AUDIENCE,
            leeway=30,
            options={"require": ["sub", "exp", "iat"]},
        )
    except jwt.PyJWKClientConnectionError as error:
        raise unavailable("the keys of Tollgate cannot be read", error) from error
    except jwt.PyJWTError as error:
        raise unauthenticated("invalid_token") from error
    if verified["header"].get("typ", "").lower() != "at+jwt":
        raise unauthenticated("invalid_token")
    return verified["payload"]


User = Annotated[dict, Depends(user)]


def require_tier(required):
    """For users whose plan has at least this tier."""

    def check(claims: User):
        tier = claims.get("tier", 0)
        if tier < required:
            more = {"required_tier": required, "tier": tier, "upgrade_url": f"{ISSUER}/account/billing"}
            raise Problem(403, "tier_required", f"This needs a plan of tier {required}.", **more)
        return claims

    return check


def live_session(claims: User, token: Annotated[str, Depends(bearer)]):
    """Asks Tollgate whether the session still exists: revocation and changes of plan apply at once."""
    try:
        answer = tollgate.post(discovery["introspection_endpoint"], data={"token": token}, auth=CREDENTIAL)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        raise unavailable("introspection failed", error) from error
    state = answer.json()
    if not state["active"]:
        raise unauthenticated("invalid_token")
    return claims | state
