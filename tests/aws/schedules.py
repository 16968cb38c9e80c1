"""Runs schedules of the deployed sweeper, under its role: NAME=HANDLED each, which must be what it says it handled."""

import json
import sys

import boto3

stack, *wanted = sys.argv[1:]
cloudformation, functions = boto3.client("cloudformation"), boto3.client("lambda")
resources = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
sweeper = next(r["PhysicalResourceId"] for r in resources if r["LogicalResourceId"] == "Sweeper")
for schedule, handled in (argument.split("=") for argument in wanted):
    answer = functions.invoke(FunctionName=sweeper, Payload=json.dumps({"schedule": schedule}))
    text = answer["Payload"].read().decode()
    assert "FunctionError" not in answer, (schedule, text)
    assert json.loads(text)["handled"] == int(handled), (schedule, text)
    print(f"{schedule}: handled {handled}")
