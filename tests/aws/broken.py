"""A function that lacks a variable, a secret or a permission answers 503 and names it in its log, never to the client."""

import copy
import json
import sys
import urllib.error
import urllib.request

import boto3

stack, base = sys.argv[1:]
cloudformation, functions, iam = boto3.client("cloudformation"), boto3.client("lambda"), boto3.client("iam")
logs, secrets = boto3.client("logs"), boto3.client("secretsmanager")
resources = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
physical = {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in resources}
auth, role = physical["Auth"], physical["AuthRole"]
LOG_TAIL = 20


def call(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(base + path, data=data, method=method)
    request.add_header("content-type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def log_lines():
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=physical["AuthLog"])
    return [event["message"] for page in pages for event in page["events"]]


def lines_with(name):
    return sum(name in line for line in log_lines())


def expect_503(name, method, path, body=None):
    """The answer is a 503 that does not say why, and the function's log names the cause: `name`."""
    before = lines_with(name)
    status, text = call(method, path, body)
    assert status == 503 and json.loads(text)["code"] == "unavailable", (name, status, text)
    assert name not in text, text
    # The log is complete when the answer arrives (emulator.py).
    assert lines_with(name) > before, "\n".join([f"the log does not name {name}; it ends:", *log_lines()[-LOG_TAIL:]])
    print(f"without {name}: 503, named in the log alone")


def restart(variables):
    """New settings are a new process."""
    functions.update_function_configuration(FunctionName=auth, Environment={"Variables": variables})


variables = functions.get_function_configuration(FunctionName=auth)["Environment"]["Variables"]
for name in ("TABLE_PREFIX", "APP_URL", "AUTH_SECRET_ID"):
    restart({key: value for key, value in variables.items() if key != name})
    expect_503(name, "GET", "/healthz")

secret = secrets.get_secret_value(SecretId=physical["AuthSecret"])["SecretString"]
secrets.put_secret_value(SecretId=physical["AuthSecret"], SecretString="short")
restart(variables)
expect_503("AUTH_SECRET_ID", "GET", "/.well-known/jwks.json")
secrets.put_secret_value(SecretId=physical["AuthSecret"], SecretString=secret)

(policy,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
lacking = copy.deepcopy(document)
for statement in lacking["Statement"]:
    if str(statement["Resource"]).endswith("-credentials"):
        statement["Action"].remove("dynamodb:GetItem")
iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(lacking))
login = {"email": "nobody@example.com", "password": "correct horse battery"}
expect_503("dynamodb:GetItem", "POST", "/login", login)
iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(document))

restart(variables)
status, text = call("GET", "/.well-known/jwks.json")
assert status == 200, text
