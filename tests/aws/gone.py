"""Fails where something of a stage is left after its stack was deleted. The stage test keeps nothing."""

import sys

import boto3

prefix = f"tollgate-{sys.argv[1]}-"


def names(client, operation, key, name):
    pages = boto3.client(client).get_paginator(operation).paginate()
    return [name(entry) for page in pages for entry in page.get(key, [])]


left = {
    "tables": names("dynamodb", "list_tables", "TableNames", str),
    "queues": names("sqs", "list_queues", "QueueUrls", lambda url: url.rsplit("/", 1)[1]),
    "functions": names("lambda", "list_functions", "Functions", lambda function: function["FunctionName"]),
    "secrets": names("secretsmanager", "list_secrets", "SecretList", lambda secret: secret["Name"]),
    "topics": names("sns", "list_topics", "Topics", lambda topic: topic["TopicArn"].rsplit(":", 1)[1]),
    "logs": names("logs", "describe_log_groups", "logGroups", lambda group: group["logGroupName"].rsplit("/", 1)[1]),
}
left = {kind: [name for name in found if name.startswith(prefix)] for kind, found in left.items()}
assert not any(left.values()), left
print(f"nothing is left of {prefix.removesuffix('-')}")
