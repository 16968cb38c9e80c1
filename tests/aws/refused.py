"""A wrong parameter fails the deploy before anything is created: each one alone, with right values for the others."""

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
    {"Stage": "prod", "WebhookReservedConcurrency": "0"},  # and the alarms have no subscriber
    {"Stage": "prod", "AlarmEmail": "ops@example.com"},  # and the webhook's concurrency is not decided
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
    {"Canary": "10"},
    {"LogRetentionDays": "2"},
    {"Architecture": "sparc"},
    {"AlarmEmail": "somebody"},
    {"NoticeEmail": "somebody"},
    {"MonthlyBudgetDollars": "-1"},
    {"MonthlyBudgetDollars": "100"},  # and no address
    {"DomainName": "https://accounts.example.com", "HostedZoneId": "Z1"},
    {"DomainName": "accounts.example.com"},  # and no zone
    {"HostedZoneId": "Z1"},  # and no domain name
]

# A template of more than 51,200 bytes is read from a bucket: as a body it would be refused for its length alone.
BUCKET, KEY = "tollgate-refused", "template.yaml"
storage = boto3.client("s3")
storage.create_bucket(Bucket=BUCKET)
storage.upload_file(sys.argv[1], BUCKET, KEY)
url = f"{storage.meta.endpoint_url}/{BUCKET}/{KEY}"
cloudformation = boto3.client("cloudformation")


def create(stack, parameters):
    cloudformation.create_stack(
        StackName=stack,
        TemplateURL=url,
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )


for number, wrong in enumerate(WRONG):
    given = {name: value for name, value in {**RIGHT, **wrong}.items() if value is not None}
    stack = f"tollgate-refused-{number}"
    try:
        create(stack, given)
    except ClientError as error:
        details = error.response["Error"]
        assert details["Code"] == "ValidationError", (wrong, error)
        assert "templateBody" not in details["Message"] and "TemplateURL" not in details["Message"], (wrong, error)
    else:
        raise SystemExit(f"{wrong} was taken")
    try:
        cloudformation.describe_stacks(StackName=stack)
    except ClientError:
        continue
    raise SystemExit(f"{wrong} was refused and left {stack}")
storage.delete_object(Bucket=BUCKET, Key=KEY)
storage.delete_bucket(Bucket=BUCKET)
print(f"{len(WRONG)} wrong parameters refused, nothing made")
