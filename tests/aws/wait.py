"""Waits until the emulator answers, and tells its SES the sender. Fails when the emulator's process has ended."""

import os
import sys
import time

import boto3

emulator = int(sys.argv[1])
for _ in range(3000):
    try:
        boto3.client("ses").verify_email_identity(EmailAddress="no-reply@example.com")
        break
    except Exception as error:  # not listening yet
        last = error
        os.kill(emulator, 0)  # raises when there is no such process
        time.sleep(0.1)
else:
    raise SystemExit(f"the emulator does not answer: {last}")
