"""Waits until the emulator answers, and tells its SES the sender."""

import time

import boto3

for _ in range(100):
    try:
        boto3.client("ses").verify_email_identity(EmailAddress="no-reply@example.com")
        break
    except Exception as error:  # not listening yet
        last = error
        time.sleep(0.1)
else:
    raise SystemExit(f"the emulator does not answer: {last}")
