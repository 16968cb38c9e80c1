"""A client of Python, generated from the document (openapi-python-client): signs in and reads lists.

client.py BASE EMAIL PASSWORD: the address of a running stack and its admin. The generated package is `tollgate_client`."""

import importlib
import pkgutil
import sys

import tollgate_client
from tollgate_client import AuthenticatedClient, Client
from tollgate_client.api.accounts import deactivate, me
from tollgate_client.api.admin import list_users
from tollgate_client.api.billing import list_plans
from tollgate_client.api.sign_in import login
from tollgate_client.models import Login, PageUser, Problem, TokenResponse

base, email, password = sys.argv[1:]

# Every module of it can be read.
modules = [module.name for module in pkgutil.walk_packages(tollgate_client.__path__, "tollgate_client.")]
for name in modules:
    importlib.import_module(name)
assert len(modules) > 100, modules

anonymous = Client(base_url=base)
tokens = login.sync(client=anonymous, body=Login(email=email, password=password))
assert isinstance(tokens, TokenResponse), tokens
admin = AuthenticatedClient(base_url=base, token=tokens.access_token)

users = list_users.sync(client=admin, limit=1, is_active=True)
assert isinstance(users, PageUser), users
assert [user.email for user in users.items] == [email] and users.next_cursor is None, users

plans = list_plans.sync(client=anonymous)
assert [plan.code for plan in plans.items] == ["free", "pro", "team"], plans

# An error is a problem, with its code.
refused = me.sync(client=AuthenticatedClient(base_url=base, token="x"))
assert isinstance(refused, Problem) and refused.code == "unauthenticated", refused

# A body that is optional can be left out.
left = deactivate.sync(client=admin)
assert isinstance(left, Problem) and left.code == "last_admin", left
print("client.py: signed in, lists read")
