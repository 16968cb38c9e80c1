"""Lets the deployed stack and a fake Stripe know each other. `webhook STACK` prints where the stack takes Stripe's events;
`secrets STACK URL` puts the keys of the fake Stripe at URL into the stack's secrets, as an operator puts Stripe's own there."""

import json
import sys
import urllib.request

import boto3

command, stack, *rest = sys.argv[1:]
cloudformation, secrets = boto3.client("cloudformation"), boto3.client("secretsmanager")
(described,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
outputs = {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}
resources = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
physical = {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in resources}
if command == "webhook":
    # https://ID.lambda-url.REGION.on.aws/: no name server leads to the emulator, so it has a path for each.
    host = outputs["StripeWebhookUrl"].removeprefix("https://")
    print(f"{cloudformation.meta.endpoint_url}/_aws/lambda-url/{host.split('.')[0]}/")
else:
    (url,) = rest
    request = urllib.request.Request(f"{url}/_local/stripe", headers={"accept": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        keys = json.load(answer)
    for secret, key in (("StripeSecret", "secret_key"), ("StripeWebhookSecret", "webhook_secret")):
        secrets.put_secret_value(SecretId=physical[secret], SecretString=keys[key])
