"""Starts the emulator, with three repairs. It reads the output of a function in a thread and ends an invocation when that
thread has read no line for 5 ms, or none at all within 50 ms. On a busy machine the log then lacks lines until the next
invocation. Here the end of an invocation reads the pipe until it is empty. A function writes its log before it answers,
so the log is complete when the answer arrives, at any speed. And its gateway and function URLs have names that no name
server knows; the outputs of a stack have the emulator's own address with a path for each, which leads to the same.
It authorises a batch of PartiQL statements as one action, which IAM does not know. Here, as on AWS, each statement needs the
action of its verb on its table (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-iam.html)."""

import json
import os
import queue
import re
import select
import threading
import weakref

from ministack.app import main
from ministack.core import iam_actions
from ministack.core.lambda_runtime import ProvidedWorker
from ministack.services.cloudformation import provisioners

CHUNK_BYTES = 65536
STATEMENT = re.compile(r'(INSERT INTO|UPDATE|DELETE FROM|SELECT .+? FROM) "([^"]+)"')
ACTIONS = {
    "INSERT": "dynamodb:PartiQLInsert",
    "UPDATE": "dynamodb:PartiQLUpdate",
    "DELETE": "dynamodb:PartiQLDelete",
    "SELECT": "dynamodb:PartiQLSelect",
}


class Output:
    """The output of one process. Its thread and the end of an invocation both read it."""

    def __init__(self, stream, lines):
        self.stream, self.lines = stream, lines
        self.lock = threading.Lock()
        self.incomplete, self.ended = b"", False
        os.set_blocking(stream.fileno(), False)

    def read(self):
        """Reads the pipe until it is empty. Returns whether the process may still write."""
        with self.lock:
            while not self.ended:
                try:
                    chunk = os.read(self.stream.fileno(), CHUNK_BYTES)
                except BlockingIOError:
                    return True
                *complete, self.incomplete = (self.incomplete + chunk).split(b"\n")
                if not chunk:
                    complete.append(self.incomplete)
                    self.ended = True
                for line in filter(None, complete):
                    self.keep(line.decode(errors="replace").rstrip("\r"))
            return False

    def keep(self, line):
        """Keeps a line; a full queue loses its oldest one, as in the emulator."""
        while True:
            try:
                return self.lines.put_nowait(line)
            except queue.Full:
                self.lines.get()


outputs = weakref.WeakKeyDictionary()
outputs_lock = threading.Lock()


def output_of(stream, lines):
    with outputs_lock:
        return outputs.get(stream) or outputs.setdefault(stream, Output(stream, lines))


def pump_output(worker, stream, lines):
    output = output_of(stream, lines)
    while output.read():
        select.select([stream], [], [])
    stream.close()


def drain(worker, **waits):
    process, lines = worker._proc, worker._stderr_queue
    if process is not None and not process.stdout.closed:
        output_of(process.stdout, lines).read()
    return worker._drain_stderr()


def url_attributes(config):
    url_id = config["FunctionUrl"].removeprefix("https://").split(".")[0]
    return {"FunctionArn": config["FunctionArn"], "FunctionUrl": f"{ADDRESS}/_aws/lambda-url/{url_id}/"}


def create_api(*arguments):
    api_id, attributes = create_api_of_the_emulator(*arguments)
    return api_id, attributes | {"ApiEndpoint": f"{ADDRESS}/_aws/execute-api/{api_id}/$default"}


def statement_checks(action, body, region, account):
    """The action and the table of each statement. One that is not understood keeps the emulator's check, which denies it."""
    if action != "dynamodb:BatchExecuteStatement":
        return transaction_checks_of_the_emulator(action, body, region, account)
    found = [STATEMENT.match(entry["Statement"]) for entry in json.loads(body)["Statements"]]
    if not all(found):
        return []
    return [
        (ACTIONS[verb.split()[0]], f"arn:aws:dynamodb:{region}:{account}:table/{table}")
        for verb, table in (statement.groups() for statement in found)
    ]


ADDRESS = f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}"
provisioners._lambda_url_attributes = url_attributes
api = provisioners._RESOURCE_HANDLERS["AWS::ApiGatewayV2::Api"]
create_api_of_the_emulator = api["create"]
api["create"] = create_api
transaction_checks_of_the_emulator = iam_actions.dynamodb_transaction_checks
iam_actions.dynamodb_transaction_checks = statement_checks
ProvidedWorker._pump_output = pump_output
ProvidedWorker._drain_stderr_bounded = drain
main()
