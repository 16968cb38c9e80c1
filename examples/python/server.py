"""A product's API with FastAPI."""

from typing import Annotated

from fastapi import Depends, FastAPI

from tollgate import Problem, User, live_session, require_tier, show_problem

app = FastAPI(exception_handlers={Problem: show_problem})


@app.get("/public")
def public():
    return {"message": "Everyone may read this."}


@app.get("/notes")
def notes(user: User):
    return {"message": f"The notes of {user['sub']}."}


@app.get("/export")
def export(user: Annotated[dict, Depends(require_tier(2))]):
    return {"message": f"The export of {user['sub']}."}


@app.get("/payout")
def payout(user: Annotated[dict, Depends(live_session)]):
    return {"message": f"The payout of {user['sub']}."}
