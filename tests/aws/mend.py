"""Mends where the emulator is not as AWS is: its CloudFormation leaves out a table's time to live and takes a number that
a parameter gives as text; its IAM wants an action of its own for a batch of messages, where AWS asks for
sqs:SendMessage, and does not see which identity a mail is sent from; it speaks plain HTTP, which the policy of the
bucket of reports refuses. Prints the address of the stack's gateway."""

import json
import sys

import boto3

stack = sys.argv[1]
cloudformation, dynamodb, functions = boto3.client("cloudformation"), boto3.client("dynamodb"), boto3.client("lambda")
resources = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
physical = {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in resources}
template = cloudformation.get_template(StackName=stack, TemplateStage="Processed")["TemplateBody"]
for name, resource in template["Resources"].items():
    wanted = resource.get("Properties", {}).get("TimeToLiveSpecification")
    if wanted:
        table = physical[name]
        found = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
        if found["TimeToLiveStatus"] != "ENABLED":
            dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=wanted)
for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
    if mapping.get("ScalingConfig"):
        most = {"MaximumConcurrency": int(mapping["ScalingConfig"]["MaximumConcurrency"])}
        functions.update_event_source_mapping(UUID=mapping["UUID"], ScalingConfig=most)
iam = boto3.client("iam")


def amend(role, change):
    (policy,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
    for statement in document["Statement"]:
        change(statement)
    iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(document))


def batches_too(statement):
    if statement["Action"] == ["sqs:SendMessage"]:
        statement["Action"].append("sqs:SendMessageBatch")


def from_anywhere(statement):
    if statement["Action"] == ["ses:SendRawEmail"]:
        statement["Resource"] = "*"


bucket = physical["ReportsBucket"]
(only,) = json.loads(boto3.client("s3").get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
assert only["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}, only
boto3.client("s3").delete_bucket_policy(Bucket=bucket)
amend(physical["RelayRole"], batches_too)
amend(physical["MailerRole"], from_anywhere)
print(f"{cloudformation.meta.endpoint_url}/_aws/execute-api/{physical['Api']}/$default")
