"""Python's requests at a running stack: `session.py URL`. Its session keeps the cookies, as a browser does."""

import sys
from concurrent.futures import ThreadPoolExecutor

import requests

BASE = sys.argv[1]
PASSWORD = "correct horse battery"
EMAIL = "requests@example.com"
# Cookies of other software on the same host: a byte that is not ASCII, quotes, a value with the separators of other
# headers, names that begin or end like ours.
FOREIGN = {
    "utm": "frühling",
    "_ga": "GA1.1.123.456",
    "quoted": '"a, b"',
    "empty": "",
    "x_refresh_token": "not ours",
    "refresh_token_old": "not ours",
    "json": '{"a":[1,2]}',
}


def jar():
    """A session beside foreign cookies."""
    session = requests.Session()
    session.trust_env = False
    for name, value in FOREIGN.items():
        session.cookies.set(name, value, domain="127.0.0.1", path="/")
    return session


def expect(answer, status, code=None):
    assert answer.status_code == status, (answer.request.method, answer.url, answer.status_code, answer.text)
    assert code is None or answer.json()["code"] == code, answer.text
    return answer


def post(client, path, body=None, status=200, code=None, **options):
    return expect(client.post(BASE + path, json=body, timeout=20, **options), status, code)


def me(client, token, status=200):
    return expect(client.get(BASE + "/me", headers={"authorization": f"Bearer {token}"}, timeout=20), status)


def sign_in(client, **more):
    return post(client, "/login", {"email": EMAIL, "password": PASSWORD, **more})


def register():
    client = jar()
    post(client, "/register", {"email": EMAIL, "username": "requests", "password": PASSWORD}, 202)
    expect(client.post(BASE + "/_local/drain", timeout=40), 200)
    mails = expect(client.get(BASE + "/_local/emails", params={"to": EMAIL}, timeout=20), 200).json()
    # A client other than that of the registration gets a message and no session.
    verified = post(jar(), "/verify", {"email": EMAIL, "code": mails["items"][0]["code"]})
    assert "access_token" not in verified.json(), verified.text


def by_cookie():
    client = jar()
    first = sign_in(client)
    assert "refresh_token" not in first.json() and "refresh_token" in client.cookies
    line = first.headers["set-cookie"]
    assert "HttpOnly" in line and "SameSite=Lax" in line and "Path=/" in line, line
    assert me(client, first.json()["access_token"]).json()["email"] == EMAIL
    before = client.cookies["refresh_token"]
    second = post(client, "/refresh-token")
    assert client.cookies["refresh_token"] != before
    me(client, second.json()["access_token"])
    # Two tabs share a jar and refresh at the same time.
    for _ in range(3):
        held = client.cookies["refresh_token"]
        tabs = [jar(), jar()]
        for tab in tabs:
            tab.cookies.set("refresh_token", held, domain="127.0.0.1", path="/")
        with ThreadPoolExecutor() as pool:
            answers = list(pool.map(lambda tab: post(tab, "/refresh-token"), tabs))
        successors = {tab.cookies.get("refresh_token", domain="127.0.0.1", path="/") for tab in tabs} - {held}
        successors |= {answer.cookies["refresh_token"] for answer in answers}
        assert len(successors) == 1, successors
        for answer in answers:
            me(client, answer.json()["access_token"])
        client.cookies.set("refresh_token", successors.pop(), domain="127.0.0.1", path="/")
    # The end of this session does not affect another session of the same user.
    other = jar()
    kept = sign_in(other).json()["access_token"]
    last = post(client, "/refresh-token").json()["access_token"]
    post(client, "/logout", status=204)
    assert "refresh_token" not in client.cookies, "the cookie is cleared"
    assert client.cookies["utm"] == FOREIGN["utm"], "foreign cookies stay"
    me(client, last, 401)
    post(client, "/refresh-token", status=401, code="invalid_refresh_token")
    me(other, kept)
    post(other, "/refresh-token")
    # Of two cookies with one name, each is tried.
    good = other.cookies.get("refresh_token", domain="127.0.0.1", path="/") or other.cookies["refresh_token"]
    for pairs in (f"refresh_token=x; refresh_token={good}", f"utm=fr\xfchling; refresh_token={good}; refresh_token="):
        answer = expect(requests.post(BASE + "/refresh-token", headers={"cookie": pairs.encode("latin-1")}, timeout=20), 200)
        good = answer.cookies["refresh_token"]
    expect(requests.post(BASE + "/logout", headers={"cookie": f"refresh_token=x; refresh_token={good}"}, timeout=20), 204)
    me(other, kept, 401)


def by_body():
    client, tab = jar(), jar()
    first = sign_in(client, token_delivery="body").json()
    assert {"access_token", "refresh_token", "device_token"} <= first.keys()
    assert set(client.cookies.keys()) == set(FOREIGN), "no cookie is set"
    again = sign_in(tab, token_delivery="body", device_token=first["device_token"]).json()
    # The jar holds a cookie of an ended session: the token in the body takes precedence.
    client.cookies.set("refresh_token", "stale", domain="127.0.0.1", path="/")
    with ThreadPoolExecutor() as pool:
        body = {"refresh_token": first["refresh_token"], "token_delivery": "body"}
        answers = list(pool.map(lambda _: post(client, "/refresh-token", body).json(), range(2)))
    assert answers[0]["refresh_token"] == answers[1]["refresh_token"] != first["refresh_token"]
    for answer in answers:
        assert "device_token" not in answer
        me(client, answer["access_token"])
    post(client, "/logout", {"refresh_token": answers[0]["refresh_token"]}, 204)
    me(client, answers[1]["access_token"], 401)
    body = {"refresh_token": answers[0]["refresh_token"], "token_delivery": "body"}
    post(client, "/refresh-token", body, 401, "invalid_refresh_token")
    me(tab, again["access_token"])
    post(tab, "/logout", {"refresh_token": again["refresh_token"]}, 204)
    me(tab, again["access_token"], 401)


def at_once():
    """Two tabs with the same cookies, and both sign in, refresh and sign out at the same moment, by cookie and by body."""
    tabs = [jar(), jar()]

    def both(act):
        with ThreadPoolExecutor() as pool:
            return list(pool.map(act, tabs))

    both(sign_in)
    held = tabs[1].cookies["refresh_token"]
    for tab in tabs:
        for cookie in [cookie for cookie in tab.cookies if cookie.name == "refresh_token"]:
            tab.cookies.clear(cookie.domain, cookie.path, cookie.name)
        tab.cookies.set("refresh_token", held, domain="127.0.0.1", path="/")
    last = [answer.json()["access_token"] for answer in both(lambda tab: post(tab, "/refresh-token"))]
    for token in last:
        me(tabs[0], token)
    both(lambda tab: post(tab, "/logout", status=204))
    for token in last:
        me(tabs[0], token, 401)
    both(lambda tab: post(tab, "/refresh-token", status=401))
    for tab in tabs:
        assert all(tab.cookies[name] == value for name, value in FOREIGN.items()), "foreign cookies stay"

    sessions = [answer.json() for answer in both(lambda tab: sign_in(tab, token_delivery="body"))]
    body = {"refresh_token": sessions[0]["refresh_token"], "token_delivery": "body"}
    left, right = [answer.json() for answer in both(lambda tab: post(tab, "/refresh-token", body))]
    assert left["refresh_token"] == right["refresh_token"] != sessions[0]["refresh_token"]
    both(lambda tab: post(tab, "/logout", {"refresh_token": left["refresh_token"]}, 204))
    me(tabs[0], left["access_token"], 401)
    me(tabs[0], sessions[1]["access_token"])
    post(tabs[1], "/logout", {"refresh_token": sessions[1]["refresh_token"]}, 204)
    me(tabs[0], sessions[1]["access_token"], 401)


register()
by_cookie()
by_body()
at_once()
print(f"clients: requests {requests.__version__} signs in, refreshes and signs out, by cookie and by body")
