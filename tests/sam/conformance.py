"""Whether the answer to a sample is the right one, and what it left at the served tables, queues and mailbox. The
samples follow on each other in the order of run.sh."""

import json
import sys
import urllib.request

sample, file, address = sys.argv[1:]
with open(file) as opened:
    # SAM may print a word of its own before the answer, which is one line.
    answer = json.loads(opened.read().strip().splitlines()[-1])
with urllib.request.urlopen(address, timeout=10) as opened:
    left = json.load(opened)


def equal(what, found, wanted):
    if found != wanted:
        raise SystemExit(f"{sample}: {what} is {found!r} and not {wanted!r}; the answer was {answer!r}")


def rows(table):
    return left["tables"][table]


def state(number):
    key = f"msg_019ca9450a0070008000{number:012x}"
    return next(row["state"]["S"] for row in rows("outbox") if row["pk"]["S"] == key)


match sample:
    case "http-healthz":
        equal("the status", answer["statusCode"], 200)
        equal("the body", json.loads(answer["body"])["status"], "ok")
    case "http-register":
        equal("the status", answer["statusCode"], 202)
        equal("the table of credentials", [row["pk"]["S"] for row in rows("credentials")], ["ann@example.com"])
        new = [row["kind"]["S"] for row in rows("outbox") if not row["pk"]["S"].startswith("msg_019ca9450a00")]
        equal("what is new in the outbox", new, ["verify"])
    case "http-account":
        equal("the status", answer["statusCode"], 200)
        equal("the body's form", answer["isBase64Encoded"], True)
    case "dynamodb-mail":
        equal("the report", answer["batchItemFailures"], [])
        equal("the queue", next(queue["depth"] for queue in left["queues"] if queue["name"] == "mail"), 1)
    case "sqs-mail":
        equal("the report", answer["batchItemFailures"], [])
        equal("the mailbox", [(mail["to"], mail["kind"]) for mail in left["emails"]], [("ann@example.com", "verify")])
        equal("the row's state", state(1), "sent")
    case _:
        raise SystemExit(f"{sample}: the expected answer is missing")
print(f"{sample}: as it must be")
