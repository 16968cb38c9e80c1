"""Fails where a function was denied a call since a time in milliseconds: its role in template.yaml lacks a permission."""

import sys

import boto3

stack, since = sys.argv[1:]
cloudformation, logs = boto3.client("cloudformation"), boto3.client("logs")
resources = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
functions, groups = (
    [r["PhysicalResourceId"] for r in resources if r["ResourceType"] == kind]
    for kind in ("AWS::Lambda::Function", "AWS::Logs::LogGroup")
)
# Each function has a log group of its own, which has the function's name.
assert sorted(groups) == sorted(f"/aws/lambda/{name}" for name in functions) and groups, (functions, groups)
denied = []
for group in groups:
    for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=int(since)):
        lines = (event["message"] for event in page["events"])
        denied += [f"{group}: {line}" for line in lines if "AccessDenied" in line or "not authorized" in line]
assert not denied, "\n".join(denied)
print("no call was denied")
