"""Lets the deployed stack and a fake Stripe know each other. `webhook STACK` prints where the stack takes Stripe's events;
`key STACK URL` puts the key of the fake Stripe at URL into the stack's secret, as an operator puts Stripe's own there."""

import json
import sys
import urllib.request

import boto3

command, stack, *rest = sys.argv[1:]
cloudformation, secrets = boto3.client("cloudformation"), boto3.client("secretsmanager")
if command == "webhook":
    (described,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}
    print(outputs["StripeWebhookUrl"])
else:
    (url,) = rest
    request = urllib.request.Request(f"{url}/_local/stripe", headers={"accept": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        key = json.load(answer)["secret_key"]
    resources = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    physical = {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in resources}
    secrets.put_secret_value(SecretId=physical["StripeSecret"], SecretString=key)
