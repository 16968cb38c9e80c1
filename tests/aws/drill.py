"""The restore drill: loses an account, restores the tables of the stage, copies back what is missing, and signs in. The
emulator restores the present and keeps no history, so the tables are restored before the loss."""

import json
import sys
import time
import urllib.error
import urllib.request

import boto3
import restore

stage, base, email, password = sys.argv[1:]
dynamodb = boto3.client("dynamodb")
IDENTITY, CREDENTIALS = f"tollgate-{stage}-identity", f"tollgate-{stage}-credentials"


def sign_in():
    """The status of a sign-in. The route is limited to a few in a minute."""
    while (status := attempt()) == 429:
        time.sleep(5)
    return status


def attempt():
    body = json.dumps({"email": email, "password": password}).encode()
    request = urllib.request.Request(f"{base}/login", data=body, headers={"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


for _, table, _ in restore.names(stage):
    recovery = {"PointInTimeRecoveryEnabled": True}  # which the template does not have in the stage test
    dynamodb.update_continuous_backups(TableName=table, PointInTimeRecoverySpecification=recovery)
    described = dynamodb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    assert described["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED", described
restore.restore(stage, None)
assert restore.compare(stage) == 0
lost = 0
for table in (IDENTITY, CREDENTIALS):
    keys, found = restore.items(table)
    for item in found.values():
        if email in json.dumps(item):
            dynamodb.delete_item(TableName=table, Key={key: item[key] for key in keys})
            lost += 1
assert lost >= 2, lost
assert sign_in() == 401
assert restore.compare(stage) == lost
# What was written since, such as the refused sign-in, stays as it is.
assert restore.copy(stage) == lost
assert sign_in() == 200
restore.delete(stage)
print(f"{lost} items lost and copied back")
