"""Restores the tables of a stage to an earlier time, beside the current ones, and copies missing items back.

    restore.py restore STAGE [TIME]    new tables with the content of that time, such as 2026-11-30T12:00:00Z; else the latest
    restore.py compare STAGE           how many items the current tables lack, and how many differ
    restore.py copy STAGE              puts back the missing items; an item that is there is not changed
    restore.py delete STAGE            deletes the new tables

Region and credentials are those of AWS's environment variables."""

import sys

import boto3
from botocore.exceptions import ClientError

# All belong together. Sessions, limits, messages and marks of the sweeps that are gone stay gone: a message would be sent again.
TABLES = ("identity", "credentials", "gate", "sessions", "limits", "outbox", "audit", "billing", "system")
COPIED = ("identity", "credentials", "gate", "audit", "billing")
WAIT = {"Delay": 5, "MaxAttempts": 720}

dynamodb = boto3.client("dynamodb")


def names(stage):
    return [(name, f"tollgate-{stage}-{name}", f"restored-{stage}-{name}") for name in TABLES]


def restore(stage, at):
    when = {"RestoreDateTime": at} if at else {"UseLatestRestorableTime": True}
    for _, present, restored in names(stage):
        dynamodb.restore_table_to_point_in_time(SourceTableName=present, TargetTableName=restored, **when)
    for _, _, restored in names(stage):
        dynamodb.get_waiter("table_exists").wait(TableName=restored, WaiterConfig=WAIT)
        print(f"{restored} is there")


def items(table):
    """The items of a table by their keys."""
    schema = dynamodb.describe_table(TableName=table)["Table"]["KeySchema"]
    keys = [part["AttributeName"] for part in schema]
    found = {}
    for page in dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
        for item in page["Items"]:
            found[tuple(str(item[key]) for key in keys)] = item
    return keys, found


def differences(present, restored):
    """The items that `present` lacks, and how many others differ."""
    (keys, before), (_, now) = items(restored), items(present)
    missing = [item for key, item in before.items() if key not in now]
    changed = sum(key in now and now[key] != item for key, item in before.items())
    return keys, missing, changed


def compare(stage):
    """How many items are missing that are copied back."""
    lacking = 0
    for name, present, restored in names(stage):
        _, missing, changed = differences(present, restored)
        lacking += len(missing) if name in COPIED else 0
        print(f"{present}: {len(missing)} missing, {changed} changed since")
    return lacking


def copy(stage):
    copied = 0
    for name, present, restored in names(stage):
        if name not in COPIED:
            continue
        keys, missing, _ = differences(present, restored)
        for item in missing:
            try:
                condition = {"ConditionExpression": "attribute_not_exists(#key)", "ExpressionAttributeNames": {"#key": keys[0]}}
                dynamodb.put_item(TableName=present, Item=item, **condition)
                copied += 1
            except ClientError as error:
                if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                    raise
        print(f"{present}: {len(missing)} copied back")
    return copied


def delete(stage):
    for _, _, restored in names(stage):
        dynamodb.delete_table(TableName=restored)


def main():
    match sys.argv[1:]:
        case ["restore", stage, *at]:
            restore(stage, at[0] if at else None)
        case ["compare", stage]:
            compare(stage)
        case ["copy", stage]:
            copy(stage)
        case ["delete", stage]:
            delete(stage)
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
