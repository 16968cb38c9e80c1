"""Mends what the emulator's CloudFormation leaves out of a stack: a table's time to live, and a number that a parameter
gives. Prints the address of the stack's gateway."""

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
print(f"{cloudformation.meta.endpoint_url}/_aws/execute-api/{physical['Api']}/$default")
