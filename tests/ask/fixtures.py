#!/usr/bin/env python3
"""Writes fixture-small.sql and fixture-large.sql, the same bytes on every run.

Each user is simulated from the registration to NOW. Events after NOW are discarded."""

import pathlib
import random
from datetime import datetime, timedelta, timezone

HERE = pathlib.Path(__file__).parent
NOW = datetime(2026, 6, 15, 12, 0, 0, tzinfo=timezone.utc)
GRACE = timedelta(days=7)

PLANS = [  # id, code, name, price, currency, period, tier, trial_days, is_active, created_at
    ("plan_free", "free", "Free", 0, "usd", "month", 0, 0, 1, "2025-01-02T09:00:00Z"),
    ("plan_legacy", "legacy", "Legacy", 500, "usd", "month", 1, 0, 0, "2025-01-02T09:01:00Z"),
    ("plan_basic", "basic", "Basic", 900, "usd", "month", 1, 14, 1, "2025-01-02T09:02:00Z"),
    ("plan_pro", "pro", "Pro", 1900, "usd", "month", 2, 14, 1, "2025-01-02T09:03:00Z"),
    ("plan_pro_year", "pro_year", "Pro (yearly)", 19000, "usd", "year", 2, 14, 1, "2025-01-02T09:04:00Z"),
    ("plan_team", "team", "Team", 4900, "usd", "month", 3, 0, 1, "2025-01-02T09:05:00Z"),
    ("plan_team_year", "team_year", "Team (yearly)", 49000, "usd", "year", 3, 0, 1, "2025-01-02T09:06:00Z"),
    ("plan_basic_eur", "basic_eur", "Basic €", 850, "eur", "month", 1, 14, 1, "2025-02-10T08:00:00Z"),
    ("plan_pro_eur", "pro_eur", "Pro €", 1800, "eur", "month", 2, 14, 1, "2025-02-10T08:01:00Z"),
    ("plan_pro_eur_year", "pro_eur_year", "Pro € (yearly)", 18000, "eur", "year", 2, 14, 1, "2025-02-10T08:02:00Z"),
    ("plan_promo", "promo_2025", "Spring 'promo' 2025", 1200, "usd", "month", 2, 0, 0, "2025-03-01T08:00:00Z"),
    ("plan_enterprise", "enterprise", "Enterprise", 199000, "usd", "year", 4, 0, 1, "2026-05-20T10:00:00Z"),
]
PLAN = {p[0]: p for p in PLANS}
CHOICE = [("plan_basic", 16), ("plan_pro", 22), ("plan_pro_year", 12), ("plan_team", 11), ("plan_team_year", 5),
          ("plan_basic_eur", 9), ("plan_pro_eur", 12), ("plan_pro_eur_year", 7), ("plan_legacy", 6)]
UP = {"plan_basic": "plan_pro", "plan_pro": "plan_team", "plan_legacy": "plan_pro", "plan_pro_year": "plan_team_year",
      "plan_basic_eur": "plan_pro_eur"}
DOWN = {"plan_team": "plan_pro", "plan_pro": "plan_basic", "plan_pro_eur": "plan_basic_eur",
        "plan_team_year": "plan_pro_year"}
NAMES = ["ada", "grace", "linus", "margaret", "dennis", "barbara", "ken", "radia", "edsger", "frances", "tony", "jean",
         "guido", "hedy", "niklaus", "sophie", "donald", "karen", "bjarne", "shafi", "leslie", "anita", "james", "joan"]
DOMAINS = ["example.com", "example.org", "mail.example.net", "corp.example", "uni.example.edu"]
ODD_NAMES = ["=cmd|' /C calc'!A0", "O'Brien", '"quoted" name', "שלום עולם", "+49 170 1234567", "-2+3", "@sum(1)",
             "Robert'); drop table users;--", "عمر", "tab\there", "名前", "émile 🎈", "null", "%_%", "a,b;c"]


def text(at):
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def add(at, period, count):
    if period == "day":
        return at + timedelta(days=count)
    if period == "week":
        return at + timedelta(weeks=count)
    months = at.month - 1 + count * (12 if period == "year" else 1)
    return at.replace(year=at.year + months // 12, month=months % 12 + 1)  # days are 1..28


def per_month(price, period, count):
    return price * {"day": 365, "week": 52, "month": 12, "year": 1}[period] / count / 12


class World:
    def __init__(self, seed, users, sign_in_days):
        self.rng = random.Random(seed)
        self.users, self.subs, self.payments, self.history, self.sign_ins = [], [], [], [], []
        self.features = set()
        for number in range(users):
            self.user(number, users)
        self.sign_in_rows(sign_in_days)
        self.number()

    def chance(self, share):
        return self.rng.random() < share

    def moment(self, at, days):
        """A moment in the `days` after `at`, on a day 1..28, at a whole second."""
        moment = at + timedelta(seconds=self.rng.randrange(1, int(days * 86400)))
        return moment + timedelta(days=4) if moment.day > 28 else moment

    def pick(self, weighted):
        return self.rng.choices([key for key, _ in weighted], [weight for _, weight in weighted])[0]

    def user(self, number, of):
        # The rate of registrations grows: the square root gives more recent ones.
        share = ((number + self.rng.random()) / of) ** 0.7
        created = datetime(2025, 1, 6, tzinfo=timezone.utc) + timedelta(seconds=int(share * 525 * 86400))
        if created.day > 28:
            created = created.replace(day=28)
        provider = self.pick([("local", 62), ("google", 25), ("github", 13)])
        name = self.rng.choice(NAMES)
        user = {
            "created": created, "provider": provider, "name": f"{name}{number + 1}",
            "email": f"{name}.{number + 1}@{self.rng.choice(DOMAINS)}",
            "verified": provider != "local" or self.chance(0.86), "active": not self.chance(0.03),
            "admin": number in (0, 1, of // 2), "tier": 0, "deleted": None,
        }
        if user["admin"]:
            user.update(verified=True, active=True)
        if number % (of // 13) == 2:  # 13 to 15 odd names
            user["name"] = ODD_NAMES[number // (of // 13) % len(ODD_NAMES)]
        if number % 19 == 7:
            user["email"] = f"{name}.{number + 1}+news@example.com"
        if number % 19 == 8:  # the same mailbox as its predecessor's
            before = self.users[-1]["email"].replace("+news", "")
            user["email"] = before if number % 2 else before.replace(".", "", 1)
        if number == 9:
            user["email"] = "=hyperlink@example.com"
        if number == 11:
            user["email"] = "o'neil@example.org"
        if number == 12:
            user["email"] = "+plus@example.org"
        self.users.append(user)
        if user["verified"] and self.chance(0.72):
            self.customer(user)

    def customer(self, user):
        rng = self.rng
        if self.chance(0.09):
            user["deleted"] = self.moment(user["created"], 300)
            if user["deleted"] > NOW or user["admin"]:
                user["deleted"] = None
        start, trials = self.moment(user["created"], 14), True
        for attempt in range(3):
            if start >= (user["deleted"] or NOW) - timedelta(hours=3):
                return
            end = self.subscription(user, start, trials, attempt)
            trials = False
            if end is None or not self.chance(0.42):
                return
            start = self.moment(end + timedelta(days=3), 90)
            self.features.add("came back")

    def pay(self, user, sub, at, amount, status, plan=None):
        if at > NOW or amount <= 0:
            return
        rng, refunded = self.rng, 0
        if status == "succeeded":
            if self.chance(0.045):
                refunded = max(1, amount * rng.choice([10, 25, 50]) // 100)
            elif self.chance(0.03):
                status, refunded = "refunded", amount
            elif self.chance(0.02):
                status = "disputed"
            elif NOW - at < timedelta(days=4) and self.chance(0.5):
                status = "processing"
        self.payments.append({"user": user, "sub": sub, "plan": plan or sub["plan"], "amount": amount,
                              "refunded": refunded, "currency": sub["currency"], "status": status, "at": at})

    def log(self, sub, at, status=None, plan=None):
        if at > NOW:
            return False
        sub["status"], sub["plan"] = status or sub["status"], plan or sub["plan"]
        self.history.append({"sub": sub, "at": at, "plan": sub["plan"], "status": sub["status"]})
        return True

    def reprice(self, sub, plan):
        sub["price"] = PLAN[plan][3] * sub["quantity"] * sub["factor"] * (100 - sub["discount"]) // 100

    def subscription(self, user, start, trials, attempt):
        """Simulates one subscription; returns its end, or None if it goes on."""
        sub = self.subscribe(user, start)
        if self.chance(0.05):
            return self.incomplete(sub)
        if trials and PLAN[sub["plan"]][7] and self.chance(0.75):
            at, outcome = self.trial(sub)
            if outcome == "over":
                return at
        else:
            at, outcome = start, "active"
        return self.periods(sub, at, outcome)

    def subscribe(self, user, start):
        """A subscription that begins at `start`, with its plan and price."""
        rng = self.rng
        plan = self.pick(CHOICE)
        _, _, _, _, currency, period, tier, _, _, _ = PLAN[plan]
        sub = {"user": user, "plan": plan, "status": None, "currency": currency, "period": period, "count": 1,
               "quantity": 1, "discount": 0, "factor": 1, "start": start, "cpe": False, "canceled": None,
               "failed_at": None, "from": start, "to": None}
        self.subs.append(sub)
        if tier == 3 and self.chance(0.6):
            sub["quantity"] = rng.randrange(2, 9)
        if self.chance(0.08):
            sub["discount"] = rng.choice([10, 20, 25])
        self.reprice(sub, plan)
        sub["moves"] = period in ("month", "year")
        if period == "month" and self.chance(0.07):
            sub.update(period="week", price=sub["price"] * 3 // 10, moves=False)
        elif period == "month" and self.chance(0.08):
            sub.update(count=3, price=sub["price"] * 27 // 10, moves=False)
        return sub

    def cancel_for_deletion(self, sub):
        gone = sub["user"]["deleted"]
        self.log(sub, gone, "canceled")
        sub["canceled"] = gone
        return gone

    def incomplete(self, sub):
        """The first payment was never completed. Returns the end of the subscription, or None if it goes on."""
        start, gone = sub["start"], sub["user"]["deleted"]
        sub["to"] = add(start, sub["period"], sub["count"])
        self.log(sub, start, "incomplete")
        self.pay(sub["user"], sub, start, sub["price"], "failed")
        end = start + timedelta(hours=23)
        if (gone is None or end < gone) and self.log(sub, end, "incomplete_expired"):
            return end
        return None if gone is None else self.cancel_for_deletion(sub)

    def trial(self, sub):
        """Returns the start of the first paid period and the outcome of the trial.

        After the outcome "over" no period follows: the moment is the end of the subscription, or None if it goes on."""
        start, gone = sub["start"], sub["user"]["deleted"]
        at = start + timedelta(days=PLAN[sub["plan"]][7])
        if at.day > 28:
            at = at.replace(day=28)
        sub["to"] = at
        self.log(sub, start, "trialing")
        if gone and gone < at:
            return self.cancel_for_deletion(sub), "over"
        outcome = self.pick([("active", 62), ("canceled", 25), ("paused", 6), ("failed", 7)])
        if outcome == "canceled":
            asked = self.moment(start, 6)
            if asked < NOW:
                sub["canceled"] = asked
                sub["cpe"] = True
            if self.log(sub, at, "canceled"):
                sub["cpe"] = False
                return at, "over"
            return None, "over"
        if at > NOW:
            return None, "over"
        if outcome == "paused":
            self.log(sub, at, "paused")
            back = self.moment(at, 40)
            if not self.chance(0.5) or back > NOW or (gone and back > gone):
                return self.cancel_for_deletion(sub) if gone and gone > at else None, "over"
            at = back
        return at, outcome

    def periods(self, sub, at, outcome):
        """Simulates one period after another; returns the end of the subscription, or None if it goes on."""
        gone = sub["user"]["deleted"]
        first = True
        while True:  # one period each; `at` is its start
            if gone and gone < at + timedelta(hours=2):
                return self.cancel_for_deletion(sub)
            if at > NOW - timedelta(hours=2):
                return None
            sub["from"], sub["to"] = at, add(at, sub["period"], sub["count"])
            months = max(0.25, (sub["to"] - at).days / 30)
            bad = outcome == "failed" if first else self.chance(min(0.2, 0.06 * months))
            if sub["status"] is None or (first and not bad):
                self.log(sub, at, "active")
                if bad:
                    bad = False
            first = False
            if bad:
                is_over, end = self.failed_payment(sub, at)
            else:
                self.pay(sub["user"], sub, at, sub["price"], "succeeded")
                is_over, end = self.paid_period(sub, at, months)
            if is_over:
                return end
            at = sub["to"]

    def failed_payment(self, sub, at):
        """The payment at `at` fails. Returns whether no period follows, and the end if there is one."""
        user, gone = sub["user"], sub["user"]["deleted"]
        # Stripe attempts the payment an hour after the period begins, and again for two weeks.
        sub["failed_at"] = at + timedelta(hours=1)
        self.log(sub, sub["failed_at"], "past_due")
        retries = timedelta(days=4 if sub["period"] == "week" else 14)
        paid_at = at + timedelta(days=2, seconds=self.rng.randrange(86400))
        fate = self.pick([("paid", 45), ("skipped", 12), ("canceled", 18), ("unpaid", 15), ("unpaid, then paid", 10)])
        if gone and gone < at + timedelta(days=40):
            self.pay(user, sub, at, sub["price"], "failed")
            return True, self.cancel_for_deletion(sub)
        if fate == "paid" and paid_at <= NOW:
            self.pay(user, sub, at, sub["price"], "succeeded")
            self.log(sub, paid_at, "active")
            self.features.add("failed then paid")
        elif fate == "skipped" and paid_at <= NOW:  # the invoice is voided, the next one is paid
            self.pay(user, sub, at, sub["price"], "failed")
            self.log(sub, paid_at, "active")
            self.features.add("skipped")
        elif fate == "unpaid, then paid" and self.log(sub, at + retries, "unpaid"):
            back = at + retries + timedelta(days=2, hours=3)
            self.pay(user, sub, at, sub["price"], "succeeded" if back <= NOW else "failed")
            if not self.log(sub, back, "active"):
                return True, None
            self.features.add("unpaid then paid")
        else:
            self.pay(user, sub, at, sub["price"], "failed")
            end = at + retries
            if fate == "canceled" and self.log(sub, end, "canceled"):
                sub["canceled"] = end
                return True, end
            if fate == "unpaid":
                self.log(sub, end, "unpaid")
            return True, None
        return False, None

    def paid_period(self, sub, at, months):
        """What the user does in a paid period. Returns whether no period follows, and the end if there is one."""
        end, gone = sub["to"], sub["user"]["deleted"]
        event = self.rng.random()
        cancels = min(0.3, 0.05 * months)
        moves = 0.045 * min(3, months)
        if event < cancels:  # cancels at the end of the period
            asked = min(self.moment(at, (end - at).days * 0.6), end - timedelta(hours=1))
            if asked < NOW and not (gone and gone < end):
                sub["canceled"] = asked
                if self.log(sub, end, "canceled"):
                    return True, end
                sub["cpe"] = True
                return True, None
        elif sub["moves"] and event < cancels + moves and sub["plan"] in UP:
            moved = self.moment(at, max(2, (end - at).days * 0.7))
            if moved < NOW and not (gone and gone < end):
                before = sub["price"]
                target = UP[sub["plan"]]
                self.reprice(sub, target)
                self.log(sub, moved, plan=target)
                left = (end - moved) / (end - at)
                self.pay(sub["user"], sub, moved, int((sub["price"] - before) * left), "succeeded")
                self.features.add("upgrade")
        elif sub["moves"] and event < cancels + 2 * moves and sub["plan"] in DOWN:
            if end <= NOW and not (gone and gone < end):
                target = DOWN[sub["plan"]]
                if sub["quantity"] > 1 and target != "plan_pro_year":
                    sub["quantity"] = 1
                self.reprice(sub, target)
                self.log(sub, end, plan=target)
                self.features.add("downgrade")
        return False, None

    def sign_in_rows(self, days):
        for back in range(days - 1, -1, -1):
            day = (NOW - timedelta(days=back)).date()
            for method, base in (("password", 14), ("code", 6), ("google", 8), ("github", 4)):
                size = len(self.users) / 60
                count = int(base * size * self.rng.uniform(0.5, 1.4) * (0.6 if day.weekday() > 4 else 1))
                if count:
                    users = max(1, int(count * self.rng.uniform(0.7, 1)))
                    self.sign_ins.append((day.isoformat(), method, count, users))

    def number(self):
        for sub in self.subs:
            grace = sub["status"] == "past_due" and NOW < sub["failed_at"] + GRACE
            sub["access"] = sub["status"] in ("trialing", "active") or grace
            if sub["access"] and sub["user"]["deleted"] is None:
                sub["user"]["tier"] = PLAN[sub["plan"]][6]
        for kind, rows, key in (("usr", self.users, "created"), ("sub", self.subs, "start"), ("pay", self.payments, "at")):
            rows.sort(key=lambda row: row[key])
            for index, row in enumerate(rows):
                row["id"] = f"{kind}_{index + 1:04}"
        self.history.sort(key=lambda row: (row["at"], row["sub"]["id"]))

    def tables(self):
        return {
            "users": [(u["id"], u["email"], u["name"], u["provider"], int(u["verified"]), int(u["active"]),
                       int(u["admin"]), u["tier"], text(u["created"])) for u in self.users if not u["deleted"]],
            "plans": PLANS,
            "subscriptions": [(s["id"], s["user"]["id"], s["plan"], s["status"], s["price"], s["currency"], s["period"],
                               s["count"], s["quantity"], text(s["start"]), text(s["from"]), text(s["to"]), int(s["cpe"]),
                               s["canceled"] and text(s["canceled"]), int(s["access"])) for s in self.subs],
            "payments": [(p["id"], p["user"]["id"], p["sub"]["id"], p["plan"], p["amount"], p["refunded"], p["currency"],
                          p["status"], text(p["at"])) for p in self.payments],
            "sign_ins_by_day": self.sign_ins,
            "subscription_history": [(h["sub"]["id"], h["sub"]["user"]["id"], text(h["at"]), h["plan"], h["status"])
                                     for h in self.history],
        }


def literal(value):
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


def render(tables):
    lines = ["-- Written by fixtures.py; the clock of this fixture is 2026-06-15T12:00:00Z."]
    for table, rows in tables.items():
        for first in range(0, len(rows), 200):
            part = rows[first:first + 200]
            lines.append(f"INSERT INTO {table} VALUES")
            lines.extend("(" + ", ".join(map(literal, row)) + ")" + ("," if row is not part[-1] else ";") for row in part)
    return "\n".join(lines) + "\n"


SMALL, LARGE = (1058, 42, 30), (301, 420, 90)  # seed, users with the deleted ones, days of sign-ins

if __name__ == "__main__":
    for name, args in (("small", SMALL), ("large", LARGE)):
        (HERE / f"fixture-{name}.sql").write_text(render(World(*args).tables()), encoding="utf-8")
