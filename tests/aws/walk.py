"""A person's way through the deployed stack: register, the mail, verify, sign in, refresh, sign out; and what a stranger
gets. First it mends what the emulator's CloudFormation leaves out: a table's time to live, and a number that a parameter
gives."""

import json
import re
import sys
import time
import urllib.error
import urllib.request

import boto3

stack = sys.argv[1]
cloudformation, dynamodb = boto3.client("cloudformation"), boto3.client("dynamodb")
endpoint = cloudformation.meta.endpoint_url
resources = {
    resource["LogicalResourceId"]: resource["PhysicalResourceId"]
    for resource in cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
}
for name in ("SessionsTable", "LimitsTable", "OutboxTable"):
    table = resources[name]
    if dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]["TimeToLiveStatus"] != "ENABLED":
        live = {"Enabled": True, "AttributeName": "ttl"}
        dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=live)
functions = boto3.client("lambda")
for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
    if mapping.get("ScalingConfig"):
        most = {"MaximumConcurrency": int(mapping["ScalingConfig"]["MaximumConcurrency"])}
        functions.update_event_source_mapping(UUID=mapping["UUID"], ScalingConfig=most)
base = f"{endpoint}/_aws/execute-api/{resources['Api']}/$default"


def call(method, path, body=None, headers=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(base + path, data=data, method=method)
    for name, value in {**({"content-type": "application/json"} if data else {}), **(headers or {})}.items():
        request.add_header(name, value)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            status, text = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read()
    try:
        return status, json.loads(text or b"{}")
    except ValueError:
        return status, {"text": text.decode(errors="replace")}


def expect(got, status, code=None):
    assert got[0] == status and (code is None or got[1].get("code") == code), got
    return got[1]


def mail(kind):
    for _ in range(300):
        with urllib.request.urlopen(f"{endpoint}/_ministack/ses/messages", timeout=10) as answer:
            text = json.dumps(json.load(answer))
        if kind in text:
            return text
        time.sleep(0.1)
    raise AssertionError(f"no mail that says {kind!r}")


password = "correct horse battery"
assert "text" in expect(call("GET", "/account"), 200)
expect(call("GET", "/nothing"), 404, "not_found")
expect(call("PUT", "/login"), 405, "method_not_allowed")
expect(call("GET", "/me"), 401, "unauthenticated")
expect(call("POST", "/register", {"email": "ann@example.com", "username": "ann", "password": password}), 202)
token = re.search(r"verify\?token=([0-9A-Za-z._-]+)", mail("Prove your address")).group(1)
expect(call("POST", "/login", {"email": "ann@example.com", "password": password}), 403, "email_not_verified")
expect(call("POST", "/verify", {"token": token}), 200)
in_body = {"token_delivery": "body"}
signed_in = expect(call("POST", "/login", {"email": "ann@example.com", "password": password, **in_body}), 200)
bearer = {"authorization": f"Bearer {signed_in['access_token']}"}
assert expect(call("GET", "/me", headers=bearer), 200)["username"] == "ann"
refreshed = expect(call("POST", "/refresh-token", {"refresh_token": signed_in["refresh_token"], **in_body}), 200)
expect(call("POST", "/request/login-code", {"email": "ann@example.com"}), 202)
assert re.search(r"\b[0-9]{6}\b", mail("Your code"))
expect(call("POST", "/logout", {"refresh_token": refreshed["refresh_token"]}), 204)
expect(call("GET", "/me", headers=bearer), 401, "unauthenticated")
for _ in range(6):
    last = call("POST", "/login", {"email": "nobody@example.com", "password": password})
expect(last, 429, "rate_limited")
expect(call("GET", "/google/login"), 503, "provider_not_configured")
print(f"aws: walked at {base}")
