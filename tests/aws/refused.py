"""A wrong parameter fails the deploy before anything is made: each one alone, beside parameters that are right."""

import sys

import boto3
from botocore.exceptions import ClientError

RIGHT = {
    "Stage": "refused",
    "AppUrl": "https://accounts.example.com",
    "MailFrom": "no-reply@example.com",
    "MailIdentity": "example.com",
}
WRONG = [
    {"Stage": "local"},
    {"Stage": "Test"},
    {"Stage": "prod", "WebhookReservedConcurrency": "0"},  # and nobody is told of its alarms
    {"Stage": "prod", "AlarmEmail": "ops@example.com"},  # and nobody decides on the webhook's concurrency
    {"AppUrl": "accounts.example.com"},
    {"AppUrl": "https://accounts.example.com/"},
    {"AppUrl": None},
    {"FrontendUrl": "/account"},
    {"CorsOrigins": "*"},
    {"CorsOrigins": "https://a.example/path"},
    {"CookieSameSite": "Strict"},
    {"CookieSameSite": "None"},  # and no front end on another site
    {"MailFrom": "nobody"},
    {"MailFrom": None},
    {"MailIdentity": "*"},
    {"AccessTokenExpire": "0"},
    {"AccessTokenExpire": "soon"},
    {"SessionExpire": "99999d"},
    {"PasswordMinLength": "7"},
    {"TokenAudience": "two words"},
    {"GoogleTokenUrl": "ftp://example.com"},
    {"GoogleClientId": ""},
    {"RateLimitPerMinute": "0"},
    {"RouteThrottleRate": "0"},
    {"MailConcurrency": "1"},
    {"WebhookReservedConcurrency": "many"},
    {"UpgradeUrl": "/pricing"},
    {"ExampleProduct": "yes"},
    {"LogRetentionDays": "2"},
    {"Architecture": "sparc"},
    {"AlarmEmail": "somebody"},
]

cloudformation = boto3.client("cloudformation")
with open(sys.argv[1], encoding="utf-8") as file:
    template = file.read()
for number, wrong in enumerate(WRONG):
    given = {name: value for name, value in {**RIGHT, **wrong}.items() if value is not None}
    stack = f"tollgate-refused-{number}"
    try:
        cloudformation.create_stack(
            StackName=stack,
            TemplateBody=template,
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
    except ClientError as error:
        assert error.response["Error"]["Code"] == "ValidationError", (wrong, error)
    else:
        raise SystemExit(f"{wrong} was taken")
    try:
        cloudformation.describe_stacks(StackName=stack)
    except ClientError:
        continue
    raise SystemExit(f"{wrong} was refused and left {stack}")
print(f"{len(WRONG)} wrong parameters refused, nothing made")
