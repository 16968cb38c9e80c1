#!/usr/bin/env python3
"""Verifies questions.json and gallery-answers.json: each statement runs twice under the guards of the service and must
return its recorded rows, and the rows must equal an independent computation in plain Python over the fixture rows.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install apsw==3.49.2.0
    /tmp/venv/bin/python verify.py             compare
    /tmp/venv/bin/python verify.py --record    write the rows of both files again, then compare
"""

import json
import sys
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta, timezone
from statistics import median

from runner import HERE, NOW, ROOT, Runner

FIXTURES = ("small", "large")
PER_YEAR = {"day": 365, "week": 52, "month": 12, "year": 1}
LIVE = {"trialing", "active", "past_due", "unpaid", "paused"}
PAYING = {"active", "past_due"}


class Rounded:
    """A value that the statement rounds to so many decimals."""

    def __init__(self, value, decimals):
        self.value, self.decimals = value, decimals

    def equals(self, other):
        return isinstance(other, (int, float)) and abs(self.value - other) <= 0.5 * 10 ** -self.decimals + 1e-9


def moment(text):
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)


NOW_AT = moment(NOW)
TODAY = NOW_AT.date()


def days_between(first, second):
    return (moment(second) - moment(first)).total_seconds() / 86400


def before_now(days):
    return (NOW_AT - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def next_month(month):
    year, number = int(month[:4]), int(month[5:])
    return f"{year + number // 12}-{number % 12 + 1:02}"


def months(first, last):
    result = [first]
    while result[-1] != last:
        result.append(next_month(result[-1]))
    return result


def monday(day):
    return day - timedelta(days=day.weekday())


class Data:
    """The rows of a fixture, with indexes."""

    def __init__(self, tables):
        self.users, self.plans, self.subs = tables["users"], tables["plans"], tables["subscriptions"]
        self.payments, self.sign_ins, self.history = tables["payments"], tables["sign_ins_by_day"], tables["subscription_history"]
        self.user = {row["id"]: row for row in self.users}
        self.plan = {row["id"]: row for row in self.plans}
        self.sub = {row["id"]: row for row in self.subs}
        self.subs_of, self.payments_of, self.moments = defaultdict(list), defaultdict(list), defaultdict(list)
        for row in self.subs:
            self.subs_of[row["user_id"]].append(row)
        for row in self.payments:
            self.payments_of[row["user_id"]].append(row)
        for row in sorted(self.history, key=lambda row: row["at"]):
            self.moments[row["subscription_id"]].append(row)

    def ok(self):
        return [row for row in self.payments if row["status"] == "succeeded"]

    def paid(self):
        return [row for row in self.payments if row["status"] in ("succeeded", "refunded")]

    def pays(self, user):
        return any(row["status"] == "succeeded" for row in self.payments_of[user["id"]])

    def access(self, user):
        return any(row["has_access"] for row in self.subs_of[user["id"]])

    def recurring(self):
        return [row for row in self.subs if row["status"] in PAYING and row["has_access"]]

    def code(self, row):
        return self.plan[row["plan_id"]]["code"]

    def status_at(self, sub_id, at):
        """The last history row before `at` (a date or a time), or None."""
        last = None
        for row in self.moments[sub_id]:
            if row["at"] < at:
                last = row
        return last

    def steps(self):
        """Pairs of consecutive history rows of one subscription."""
        for rows in self.moments.values():
            yield from zip(rows, rows[1:])


def yearly(sub):
    return sub["price_cents"] * PER_YEAR[sub["billing_period"]] // sub["interval_count"]


def net(row):
    return row["amount_cents"] - row["refunded_cents"]


def sums(rows, key, value):
    result = defaultdict(int)
    for row in rows:
        result[key(row)] += value(row)
    return result


def flat(mapping):
    """[key..., value...] for each entry."""
    as_list = lambda x: list(x) if isinstance(x, tuple) else [x]
    return [as_list(key) + as_list(value) for key, value in mapping.items()]


def count(rows, key):
    return flat(Counter(key(row) for row in rows))


def number(rows):
    return [[len(list(rows))]]


def month_of(row, column="created_at"):
    return row[column][:7]


def customer_totals(d, currency=None):
    rows = [row for row in d.ok() if currency in (None, row["currency"])]
    return sums(rows, lambda row: (row["currency"], row["user_id"]), net)


def share_by(d, users, key, test):
    groups = defaultdict(list)
    for user in users:
        groups[key(user)].append(bool(test(user)))
    return {name: (len(rows), sum(rows), Rounded(100 * sum(rows) / len(rows), 1)) for name, rows in groups.items()}


ANSWERS = {}


def answer(function):
    ANSWERS[function.__name__] = function
    return function


def simple(name, function):
    ANSWERS[name] = function


simple("e01", lambda d: number(d.users))
simple("e02", lambda d: number(u for u in d.users if not u["email_verified"]))
simple("e03", lambda d: count(d.users, lambda u: u["provider"]))
simple("e04", lambda d: [[e] for e in sorted(u["email"] for u in d.users if u["is_admin"])])
simple("e05", lambda d: [[p["code"]] for p in d.plans if not p["is_active"]])
simple("e06", lambda d: count(d.subs, lambda s: s["status"]))
simple("e07", lambda d: sorted(([p["code"], p["price_cents"], p["currency"]] for p in d.plans if p["is_active"]), key=lambda r: (r[1], r[0])))
simple("e08", lambda d: number(p for p in d.payments if p["status"] == "failed"))
simple("e09", lambda d: flat(sums(d.payments, lambda p: p["currency"], lambda p: p["refunded_cents"])))
simple("e10", lambda d: [[u["username"], u["created_at"]] for u in [max(d.users, key=lambda u: u["created_at"])]])
simple("e11", lambda d: number(u for u in d.users if month_of(u) == "2026-05"))
simple("e12", lambda d: number(u for u in d.users if moment(u["created_at"]) >= NOW_AT - timedelta(days=30)))
simple("e13", lambda d: number(u for u in d.users if not u["is_active"]))
simple("e14", lambda d: [[sum(s["sign_ins"] for s in d.sign_ins if s["day"] == "2026-06-10")]])
simple("e15", lambda d: [list(max(sums(d.sign_ins, lambda s: s["method"], lambda s: s["sign_ins"]).items(), key=lambda x: x[1]))])
simple("e16", lambda d: sorted(([s["id"], s["quantity"]] for s in d.subs if s["quantity"] > 1), key=lambda r: (-r[1], r[0])))
simple("e17", lambda d: number(s for s in d.subs if s["cancel_at_period_end"]))
simple("e18", lambda d: [[c, max(p["amount_cents"] for p in d.ok() if p["currency"] == c)] for c in ("eur", "usd")])
simple("e19", lambda d: [[c, Rounded(sum(a) / len(a), 2)] for c in ("eur", "usd") for a in [[p["amount_cents"] for p in d.ok() if p["currency"] == c]]])
simple("e20", lambda d: [[p["id"]] for p in sorted(d.payments, key=lambda p: p["created_at"]) if p["status"] == "processing"])
simple("e21", lambda d: [[u["id"], u["username"]] for u in d.users if "'" in u["username"]])
simple("e22", lambda d: [[p["code"], p["trial_days"]] for p in d.plans if p["trial_days"]])
simple("e23", lambda d: number(s for s in d.subs if s["billing_period"] == "week"))
simple("e24", lambda d: [[s["id"], s["price_cents"], s["currency"]] for s in d.subs if (s["billing_period"], s["interval_count"]) == ("month", 3)])
simple("e25", lambda d: number({p["user_id"] for p in d.payments}))
simple("e26", lambda d: number(u for u in d.users if u["email"].lower().endswith("@example.com")))
simple("e27", lambda d: [[p["id"], p["amount_cents"], p["currency"], p["created_at"]] for p in sorted(d.payments, key=lambda p: p["created_at"], reverse=True) if p["status"] == "disputed"][:5])
simple("e28", lambda d: number(u for u in d.users if u["tier"] in (2, 3, 4)))
simple("e29", lambda d: [[min(s["day"] for s in d.sign_ins), max(s["day"] for s in d.sign_ins)]])
simple("e30", lambda d: count((p for p in d.payments if 0 < p["refunded_cents"] < p["amount_cents"]), lambda p: p["currency"]))

simple("j01", lambda d: [[p["code"], sum(s["plan_id"] == p["id"] and s["status"] in LIVE for s in d.subs)] for p in d.plans])
simple("j02", lambda d: [[d.user[s["user_id"]]["email"], d.code(s), s["has_access"]] for s in d.subs if s["status"] == "past_due" and s["user_id"] in d.user])
simple("j03", lambda d: flat(sums(d.ok(), lambda p: (d.code(p), p["currency"]), net)))
simple("j04", lambda d: sorted(count((p for p in d.ok() if p["user_id"] in d.user), lambda p: d.user[p["user_id"]]["email"]), key=lambda r: (-r[1], r[0]))[:5])
simple("j05", lambda d: number(u for u in d.users if u["email_verified"] and not d.subs_of[u["id"]]))
simple("j06", lambda d: count((s for s in d.subs if s["user_id"] not in d.user), lambda s: s["status"]))
simple("j07", lambda d: flat(sums((p for p in d.ok() if p["user_id"] not in d.user), lambda p: p["currency"], net)))
simple("j08", lambda d: [[d.user[s["user_id"]]["email"], d.code(s)] for s in d.subs if s["has_access"] and s["user_id"] in d.user and not d.user[s["user_id"]]["is_active"]])
simple("j09", lambda d: [[u["email"], len(d.subs_of[u["id"]])] for u in d.users if u["is_admin"]])
simple("j10", lambda d: flat(share_by(d, d.users, lambda u: u["provider"], d.access)))
simple("j11", lambda d: [[Rounded(len(d.ok()) / len({p["user_id"] for p in d.ok()}), 2)]])
simple("j12", lambda d: [[c, v // 12] for c, v in sums(d.recurring(), lambda s: s["currency"], yearly).items()])
simple("j13", lambda d: [[u["email"]] for u in d.users if len({s["currency"] for s in d.subs_of[u["id"]]}) > 1])
simple("j14", lambda d: sorted(([u["email"], len(d.subs_of[u["id"]])] for u in d.users if len(d.subs_of[u["id"]]) > 1), key=lambda r: (-r[1], r[0])))


@answer
def j15(d):
    rows = defaultdict(list)
    for p in d.paid():
        rows[d.code(p), p["currency"]].append(p)
    paid = {k: sum(p["amount_cents"] for p in v) for k, v in rows.items()}
    back = {k: sum(p["amount_cents"] if p["status"] == "refunded" else p["refunded_cents"] for p in v) for k, v in rows.items()}
    return [[*k, paid[k], back[k], Rounded(100 * back[k] / paid[k], 2)] for k in rows]


simple("j16", lambda d: sorted(count((p for p in d.payments if p["status"] == "failed"), d.code), key=lambda r: (-r[1], r[0])))
simple("j17", lambda d: sorted(flat(sums((p for p in d.paid() if p["currency"] == "usd" and month_of(p) in months("2026-01", "2026-05")), month_of, lambda p: p["amount_cents"]))))


@answer
def j18(d):
    result = []
    for s in d.subs:
        plan = d.plan[s["plan_id"]]
        full = plan["price_cents"] * s["quantity"]
        same = (s["billing_period"], s["interval_count"]) == (plan["billing_period"], 1)
        if s["status"] == "active" and same and s["price_cents"] < full:
            result.append([s["id"], plan["code"], s["price_cents"], full])
    return result


simple("j19", lambda d: sorted(([u, d.user.get(u, {}).get("email"), n] for u, n in Counter(p["user_id"] for p in d.payments if p["status"] == "disputed").items()), key=lambda r: (-r[2], r[0])))
simple("j20", lambda d: count((s for s in d.subs if s["has_access"]), lambda s: d.plan[s["plan_id"]]["tier"]))


@answer
def j21(d):
    firsts = []
    for u in d.users:
        times = [p["created_at"] for p in d.payments_of[u["id"]] if p["status"] == "succeeded"]
        if moment(u["created_at"]) >= NOW_AT - timedelta(days=90) and times:
            firsts.append((min(times), u["email"]))
    return [[email, at[:10]] for at, email in sorted(firsts)]


simple("j22", lambda d: flat(share_by(d, (u for u in d.users if u["created_at"][:10] <= "2026-04-30"), lambda u: u["provider"], d.pays)))


@answer
def j23(d):
    result = []
    for p in d.plans:
        prices = [s["price_cents"] for s in d.subs if s["plan_id"] == p["id"] and s["status"] == "active"]
        if not p["is_active"] and prices:
            result.append([p["code"], len(prices), sum(prices)])
    return result


simple("j24", lambda d: flat(sums((p for p in d.ok() if p["user_id"] in d.user), lambda p: (d.user[p["user_id"]]["provider"], p["currency"]), net)))
simple("j25", lambda d: [[p["id"], d.sub[p["subscription_id"]]["status"], p["amount_cents"], p["currency"]] for p in d.payments if p["status"] == "processing"])
simple("j26", lambda d: sorted((r for r in count(d.subs, d.code) if r[1] >= 5), key=lambda r: (-r[1], r[0])))
simple("j27", lambda d: [[d.user[s["user_id"]]["email"], s["price_cents"], s["currency"]] for s in d.subs if s["billing_period"] == "week" and s["has_access"] and s["user_id"] in d.user])
simple("j28", lambda d: [[u["username"], len(d.subs_of[u["id"]])] for u in d.users if u["username"].startswith(("=", "+", "-", "@"))])


@answer
def j29(d):
    gaps = [days_between(u["created_at"], min(s["started_at"] for s in d.subs_of[u["id"]])) for u in d.users if d.subs_of[u["id"]]]
    return [[Rounded(sum(gaps) / len(gaps), 1)]]


simple("j30", lambda d: number(u for u in d.users if d.subs_of[u["id"]] and not d.access(u)))
simple("j31", lambda d: [[c, len(r), sum(map(yearly, r)) // 12] for c in ("eur", "usd") for r in [[s for s in d.recurring() if s["currency"] == c and s["cancel_at_period_end"]]] if r])


@answer
def j32(d):
    due = [s for s in d.subs if s["status"] == "active" and not s["cancel_at_period_end"] and s["user_id"] in d.user]
    due = [s for s in due if NOW_AT <= moment(s["current_period_end"]) < NOW_AT + timedelta(days=7)]
    return [[s["id"], d.user[s["user_id"]]["email"], s["current_period_end"]] for s in sorted(due, key=lambda s: (s["current_period_end"], s["id"]))]


simple("j33", lambda d: sorted(([k, n, m] for k, (n, m, _) in share_by(d, d.users, lambda u: u["email"].split("@")[1], d.access).items()), key=lambda r: (-r[1], r[0])))
simple("j34", lambda d: [[c, len(u), Rounded(sum(map(yearly, r)) / 12 / len(u), 2)] for c in ("eur", "usd") for r in [[s for s in d.recurring() if s["currency"] == c]] for u in [{s["user_id"] for s in r}]])
simple("j35", lambda d: count((p for p in d.payments if p["plan_id"] != d.sub[p["subscription_id"]]["plan_id"]), lambda p: (d.code(p), d.code(d.sub[p["subscription_id"]]))))
simple("j36", lambda d: [[d.user[s["user_id"]]["email"], d.code(s), s["current_period_end"]] for s in sorted(d.subs, key=lambda s: s["current_period_end"]) if s["status"] == "trialing" and s["user_id"] in d.user])


@answer
def j37(d):
    groups = defaultdict(list)
    for p in d.payments:
        groups[d.plan[p["plan_id"]]["tier"]].append(p["status"])
    return [[tier, len(rows), Rounded(100 * rows.count("succeeded") / len(rows), 1)] for tier, rows in groups.items()]


@answer
def j38(d):
    groups = defaultdict(lambda: [0, 0])
    for p in d.paid():
        groups[-int(p["created_at"][:4]), p["currency"]][0] += p["amount_cents"]
        groups[-int(p["created_at"][:4]), p["currency"]][1] += p["refunded_cents"]
    return [[str(-year), currency, a, b, a - b] for (year, currency), (a, b) in sorted(groups.items())]


simple("j39", lambda d: [[sum(low <= s["quantity"] <= high for s in d.subs if s["has_access"] and d.plan[s["plan_id"]]["tier"] == 3) for low, high in ((1, 1), (2, 4), (5, 999))]])
simple("j40", lambda d: [[c, len(v), Rounded(sum(v) / len(v), 2)] for c in ("eur", "usd") for v in [list(customer_totals(d, c).values())]])


@answer
def w01(d):
    result, total = [], 0
    for month, n in sorted(Counter(map(month_of, d.users)).items()):
        total += n
        result.append([month, n, total])
    return result


@answer
def w02(d):
    result = []
    for currency in ("eur", "usd"):
        best = sorted(customer_totals(d, currency).items(), key=lambda x: (-x[1], x[0]))[:3]
        result += [[currency, place + 1, user, cents] for place, ((_, user), cents) in enumerate(best)]
    return result


@answer
def w03(d):
    paid = {m: sum(p["amount_cents"] for p in d.paid() if p["currency"] == "usd" and month_of(p) == m) for m in months("2025-11", "2026-05")}
    return [[b, paid[b], Rounded(100 * (paid[b] / paid[a] - 1), 1)] for a, b in zip(list(paid), list(paid)[1:])]


simple("w04", lambda d: [[c, Rounded(median(p["amount_cents"] for p in d.ok() if p["currency"] == c), 1)] for c in ("eur", "usd")])


def by_day(d):
    return {date.fromisoformat(k): v for k, v in sums(d.sign_ins, lambda s: s["day"], lambda s: s["sign_ins"]).items()}


@answer
def w05(d):
    days = by_day(d)
    result = []
    for back in range(13, -1, -1):
        day = TODAY - timedelta(days=back)
        result.append([day.isoformat(), days[day], Rounded(sum(days[day - timedelta(days=n)] for n in range(7)) / 7, 2)])
    return result


@answer
def w06(d):
    rows = sums((s for s in d.sign_ins if s["day"][:7] == "2026-06" and int(s["day"][8:]) <= 14), lambda s: s["method"], lambda s: s["sign_ins"])
    return [[method, Rounded(100 * n / sum(rows.values()), 2)] for method, n in rows.items()]


def tier_change(d, a, b):
    return d.plan[b["plan_id"]]["tier"] - d.plan[a["plan_id"]]["tier"]


simple("w07", lambda d: [[sum(tier_change(d, a, b) > 0 for a, b in d.steps()), sum(tier_change(d, a, b) < 0 for a, b in d.steps())]])


@answer
def w08(d):
    moves = [(a, b) for a, b in d.steps() if a["plan_id"] != b["plan_id"]]
    moves.sort(key=lambda m: (-moment(m[1]["at"]).timestamp(), m[1]["subscription_id"]))
    return [[b["subscription_id"], b["at"], d.code(a), d.code(b)] for a, b in moves[:10]]


@answer
def w09(d):
    trials = [k for k, rows in d.moments.items() if any(r["status"] == "trialing" for r in rows)]
    running = {k for k in trials if d.sub[k]["status"] == "trialing"}
    converted = {k for k in trials if any(r["status"] == "active" for r in d.moments[k])}
    return [[len(trials), len(running), len(converted), len(set(trials) - running - converted)]]


def recoveries(d):
    return [(a, b) for a, b in d.steps() if (a["status"], b["status"]) == ("past_due", "active")]


simple("w10", lambda d: sorted(count(recoveries(d), lambda m: m[1]["at"][:7])))
simple("w11", lambda d: [[Rounded(sum(days_between(a["at"], b["at"]) for a, b in recoveries(d)) / len(recoveries(d)), 2)]])
simple("w12", lambda d: [[m, *v] for m, v in sorted(share_by(d, d.users, month_of, d.pays).items())])


@answer
def w13(d):
    paid = defaultdict(set)
    for p in d.ok():
        paid[p["user_id"]].add(month_of(p))
    result = defaultdict(lambda: [0, 0])
    for user_months in paid.values():
        first = min(user_months)
        result[first][0] += 1
        result[first][1] += next_month(first) in user_months
    return [[m, *v] for m, v in sorted(result.items()) if m <= "2026-04"]


@answer
def w14(d):
    ended = defaultdict(list)
    for k, rows in d.moments.items():
        ended[rows[0]["user_id"]] += [(r["at"], k) for r in rows if r["status"] == "canceled"]
    return number(u for u, subs in d.subs_of.items() if any(at < s["started_at"] and k != s["id"] for s in subs for at, k in ended[u]))


@answer
def w15(d):
    result = []
    for user, subs in sorted(d.subs_of.items()):
        starts = sorted(s["started_at"] for s in subs)
        result += [[user, n + 2, int(days_between(a, b))] for n, (a, b) in enumerate(zip(starts, starts[1:]))]
    return result


def at_end(d, month, statuses):
    """Subscriptions whose status at the end of the month is one of these."""
    rows = [d.status_at(k, next_month(month) + "-01") for k in d.moments]
    return [d.sub[r["subscription_id"]] for r in rows if r and r["status"] in statuses]


simple("w16", lambda d: [[m, len(at_end(d, m, {"active"}))] for m in months("2025-12", "2026-05")])


@answer
def w17(d):
    starts = Counter(rows[0]["at"][:7] for rows in d.moments.values())
    ends = Counter(r["at"][:7] for r in d.history if r["status"] == "canceled")
    return [[m, starts[m], ends[m], starts[m] - ends[m]] for m in months("2025-07", "2026-06")]


@answer
def w18(d):
    result = []
    for before, month in zip(months("2025-11", "2026-04"), months("2025-12", "2026-05")):
        subs = at_end(d, before, PAYING)
        lost = sum(any(r["status"] == "canceled" and month_of(r, "at") == month for r in d.moments[s["id"]]) for s in subs)
        result.append([month, len(subs), lost, Rounded(100 * lost / len(subs), 1)])
    return result


simple("w19", lambda d: [[m, c, v // 12] for m in months("2026-03", "2026-05") for c, v in sorted(sums(at_end(d, m, PAYING), lambda s: s["currency"], yearly).items())])


@answer
def w20(d):
    counts = Counter(s["plan_id"] for s in d.subs if s["has_access"])
    rows = [(d.plan[k]["currency"], d.plan[k]["code"], n) for k, n in counts.items()]
    return sorted([c, 1 + sum(c == c2 and n2 > n for c2, _, n2 in rows), code, n] for c, code, n in rows)


simple("w21", lambda d: [[u["provider"], u["id"], u["created_at"]] for p in ("local", "google", "github") for u in [min((u for u in d.users if u["provider"] == p), key=lambda u: u["created_at"])]])


@answer
def w22(d):
    values = [cents for _, cents in sorted(customer_totals(d, "usd").items(), key=lambda x: (-x[1], x[0]))]
    size, extra = divmod(len(values), 4)
    result, start = [], 0
    for quarter in range(4):
        part = values[start:start + size + (quarter < extra)]
        start += len(part)
        result.append([quarter + 1, len(part), sum(part)])
    return result


@answer
def w23(d):
    days = by_day(d)
    average = sum(days.values()) / len(days)
    best, run = [], []
    for day in sorted(days):
        if days[day] <= average:
            run = []
            continue
        run = run + [day] if run and day - run[-1] == timedelta(days=1) else [day]
        best = run if len(run) > len(best) else best
    return [[best[0].isoformat(), best[-1].isoformat(), len(best)]]


@answer
def w24(d):
    result, total = [], 0
    for month in months("2026-01", "2026-06"):
        value = sum(net(p) for p in d.ok() if p["currency"] == "usd" and month_of(p) == month)
        total += value
        result.append([month, value, total])
    return result


simple("w25", lambda d: [[s["method"], s["day"], s["sign_ins"]] for m in ("password", "code", "google", "github") for s in [max(sorted((s for s in d.sign_ins if s["method"] == m), key=lambda s: s["day"]), key=lambda s: s["sign_ins"])]])


@answer
def w26(d):
    failed = {}
    for p in d.payments:
        if p["status"] == "failed":
            failed[p["subscription_id"]] = max(p["created_at"], failed.get(p["subscription_id"], ""))
    later = sum(any(p["subscription_id"] == k and p["created_at"] > at for p in d.ok()) for k, at in failed.items())
    return [[later, len(failed) - later]]


@answer
def w27(d):
    values = sorted(customer_totals(d, "usd").values(), reverse=True)
    return [[Rounded(100 * sum(values[:5]) / sum(values), 1)]]


@answer
def w28(d):
    weeks = defaultdict(int)
    for day, n in by_day(d).items():
        weeks[monday(day)] += n
    this, week = monday(TODAY), timedelta(days=7)
    return [[w.isoformat(), weeks[w], weeks[w] - weeks[w - week]] for w in (this - 3 * week, this - 2 * week, this - week)]


@answer
def w29(d):
    rows = [[b["subscription_id"], a["status"], b["status"], b["at"]] for a, b in d.steps() if a["status"] != b["status"] and moment(b["at"]) >= NOW_AT - timedelta(days=7)]
    return sorted(sorted(rows), key=lambda r: r[3], reverse=True)


@answer
def w30(d):
    lives = defaultdict(list)
    for s in d.subs:
        if s["status"] == "canceled":
            rows = d.moments[s["id"]]
            lives[d.code(s)].append(days_between(rows[0]["at"], rows[-1]["at"]))
            assert rows[-1]["status"] == "canceled"
    return sorted(([c, len(v), Rounded(sum(v) / len(v), 1)] for c, v in lives.items()), key=lambda r: (-r[1], r[0]))


# ---- the gallery

GALLERY = {}


def gallery(name):
    def keep(function):
        GALLERY[name] = function
        return function
    return keep


def email(d, user_id):
    return d.user.get(user_id, {}).get("email")


@gallery("01-mrr-by-plan")
def _(d):
    rows = defaultdict(list)
    for s in d.recurring():
        rows[s["currency"], s["plan_id"]].append(yearly(s))
    result = [[d.plan[p]["code"], d.plan[p]["name"], c, len(v), sum(v) // 12] for (c, p), v in rows.items()]
    return sorted(result, key=lambda r: (r[2], -r[4], r[0]))


def paid_at(d, at):
    """(user, currency) -> what a year costs by the plans and statuses of that time."""
    result = defaultdict(int)
    for k in d.moments:
        row = d.status_at(k, at)
        if row and row["status"] in PAYING:
            sub, plan = d.sub[k], d.plan[row["plan_id"]]
            cents = yearly(sub) if plan["id"] == sub["plan_id"] else plan["price_cents"] * sub["quantity"] * PER_YEAR[plan["billing_period"]]
            result[row["user_id"], sub["currency"]] += cents
    return result


@gallery("02-mrr-movements")
def _(d):
    first_paid = {}
    for row in d.history:
        if row["status"] in PAYING:
            key = row["user_id"], d.sub[row["subscription_id"]]["currency"]
            first_paid[key] = min(row["at"], first_paid.get(key, row["at"]))
    result = []
    for month in reversed(months("2025-07", "2026-06")):
        before, after = paid_at(d, month + "-01"), paid_at(d, next_month(month) + "-01")
        for currency in ("eur", "usd"):
            moves = Counter()
            for key in first_paid:
                a, b = before.get(key, 0), after.get(key, 0)
                if key[1] != currency or a == b:
                    continue
                kind = "churn" if not b else "expansion" if a and b > a else "contraction" if a else "new" if first_paid[key][:7] == month else "back"
                moves[kind] += abs(b - a)
            if moves:
                result.append([month, currency] + [moves[k] // 12 for k in ("new", "expansion", "contraction", "churn", "back")])
    return result


@gallery("03-churn")
def _(d):
    before, after = paid_at(d, before_now(30) + "!"), paid_at(d, NOW + "!")  # "!" sorts behind the same second
    result = []
    for currency in ("eur", "usd"):
        rows = {k: v for k, v in before.items() if k[1] == currency}
        lost = {k: v for k, v in rows.items() if not after.get(k)}
        total, gone = sum(rows.values()), sum(lost.values())
        result.append([currency, len(rows), len(lost), Rounded(100 * len(lost) / len(rows), 2), total // 12, gone // 12, Rounded(100 * gone / total, 2)])
    return result


@gallery("04-trial-conversion")
def _(d):
    rows = defaultdict(list)
    for k, history in d.moments.items():
        trial = next((r for r in history if r["status"] == "trialing"), None)
        if trial:
            rows[d.code(trial)].append((d.sub[k]["status"] == "trialing", any(r["status"] == "active" for r in history)))
    result = []
    for code, v in rows.items():
        ended = sum(not running for running, _ in v)
        converted = sum(c for _, c in v)
        result.append([code, len(v), len(v) - ended, converted, Rounded(100 * converted / ended, 2) if ended else None])
    return sorted(result, key=lambda r: (-r[1], r[0]))


@gallery("05-cohort-retention")
def _(d):
    firsts = {}
    for p in d.payments:
        if p["status"] in ("succeeded", "refunded", "disputed"):
            firsts[p["user_id"]] = min(p["created_at"], firsts.get(p["user_id"], "9"))
    cohorts = defaultdict(list)
    for user, first in firsts.items():
        cohorts[first[:7]].append((user, first))
    result = []
    for cohort in sorted(cohorts, reverse=True):
        row = [cohort, len(cohorts[cohort])]
        for after in (1, 3, 6, 12):
            complete = cohort
            for _ in range(after + 1):
                complete = next_month(complete)
            if complete + "-01" > TODAY.isoformat():
                row.append(None)
                continue
            kept = 0
            for user, first in cohorts[cohort]:
                month = first[:7]
                for _ in range(after):
                    month = next_month(month)
                at = month + first[7:] + "!"  # the days are 1 to 28
                rows = [d.status_at(s["id"], at) for s in d.subs_of[user]]
                kept += any(r and r["status"] in PAYING for r in rows)
            row.append(Rounded(100 * kept / len(cohorts[cohort]), 1))
        result.append(row)
    return result


@gallery("06-revenue-by-month")
def _(d):
    groups = defaultdict(lambda: [0, 0, 0, 0])
    for p in d.paid():
        back = p["amount_cents"] if p["status"] == "refunded" else p["refunded_cents"]
        for n, value in enumerate((1, p["amount_cents"], back, p["amount_cents"] - back)):
            groups[month_of(p), p["currency"]][n] += value
    return [[m, c, *groups[m, c]] for m in reversed(months("2025-07", "2026-06")) for c in ("eur", "usd") if (m, c) in groups]


@gallery("07-failed-payments")
def _(d):
    result = []
    for p in sorted(d.payments, key=lambda p: (p["created_at"], p["id"])):
        sub = d.sub[p["subscription_id"]]
        later = any(q["subscription_id"] == sub["id"] and q["created_at"] > p["created_at"] for q in d.ok())
        if p["status"] == "failed" and moment(p["created_at"]) >= NOW_AT - timedelta(days=30) and not later and p["user_id"] in d.user and sub["status"] not in ("canceled", "incomplete_expired"):
            result.append([p["id"], p["created_at"], email(d, p["user_id"]), p["amount_cents"], p["currency"], sub["status"], (NOW_AT - moment(p["created_at"])).days])
    return result


@gallery("08-past-due-at-risk")
def _(d):
    result = []
    for s in d.subs:
        if s["status"] in ("past_due", "unpaid"):
            result.append([s["id"], email(d, s["user_id"]), d.code(s), s["status"], s["has_access"], d.moments[s["id"]][-1]["at"], yearly(s) // 12, s["currency"]])
    return sorted(result, key=lambda r: (r[7], -r[6], r[0]))


@gallery("09-sign-ups-by-provider")
def _(d):
    rows = share_by(d, (u for u in d.users if month_of(u) >= "2026-01"), lambda u: (month_of(u), u["provider"]), lambda u: u["email_verified"])
    return sorted(sorted(([m, p, *v] for (m, p), v in rows.items()), key=lambda r: (-r[2], r[1])), key=lambda r: r[0], reverse=True)


@gallery("10-unverified-users")
def _(d):
    rows = [u for u in d.users if not u["email_verified"] and moment(u["created_at"]) < NOW_AT - timedelta(days=3)]
    return [[u["id"], u["email"], u["username"], u["created_at"], (NOW_AT - moment(u["created_at"])).days] for u in sorted(rows, key=lambda u: u["created_at"])][:60]


@gallery("11-sign-ins-per-method")
def _(d):
    def part(method, low, high, column):
        return sum(s[column] for s in d.sign_ins if s["method"] == method and low <= (TODAY - date.fromisoformat(s["day"])).days <= high)
    methods = {s["method"] for s in d.sign_ins}
    total = sum(part(m, 0, 29, "sign_ins") for m in methods)
    result = []
    for m in methods:
        now, before = part(m, 0, 29, "sign_ins"), part(m, 30, 59, "sign_ins")
        result.append([m, now, Rounded(100 * now / total, 1), Rounded(part(m, 0, 29, "users") / 30, 1), before, Rounded(100 * (now - before) / before, 1) if before else None])
    return sorted(result, key=lambda r: (-r[1], r[0]))


@gallery("12-inactive-payers")
def _(d):
    result = []
    for s in sorted(d.subs, key=lambda s: (-s["price_cents"], s["id"])):
        u = d.user.get(s["user_id"])
        if s["status"] in LIVE and (u is None or not u["is_active"]):
            result.append([s["id"], s["user_id"], u and u["email"], "disabled" if u else "deleted"] + [s[c] for c in ("status", "price_cents", "currency", "billing_period", "interval_count", "cancel_at_period_end", "current_period_end")])
    return result


@gallery("13-refunds")
def _(d):
    rows = [p for p in d.payments if p["refunded_cents"] and moment(p["created_at"]) >= NOW_AT - timedelta(days=180)]
    rows.sort(key=lambda p: p["created_at"], reverse=True)
    return [[p["id"], p["created_at"], email(d, p["user_id"]), d.code(p), p["amount_cents"], p["refunded_cents"], p["currency"], "full" if p["refunded_cents"] == p["amount_cents"] else "partial"] for p in rows]


@gallery("14-top-customers")
def _(d):
    payments = Counter((p["currency"], p["user_id"]) for p in d.ok())
    result = []
    for currency in ("eur", "usd"):
        best = sorted(customer_totals(d, currency).items(), key=lambda x: (-x[1], x[0]))[:10]
        result += [[currency, n + 1, key[1], email(d, key[1]), cents, payments[key]] for n, (key, cents) in enumerate(best)]
    return result


@gallery("15-annual-against-monthly")
def _(d):
    rows, totals = defaultdict(list), sums(d.recurring(), lambda s: s["currency"], yearly)
    for s in d.recurring():
        rows[s["currency"], s["billing_period"], s["interval_count"]].append(yearly(s))
    result = [[*k, len(v), sum(v) // 12, Rounded(100 * sum(v) / totals[k[0]], 1)] for k, v in rows.items()]
    return sorted(result, key=lambda r: (r[0], -r[4], r[1], r[2]))


@gallery("16-upgrades-and-downgrades")
def _(d):
    groups = defaultdict(lambda: [0, 0, 0])
    for a, b in d.steps():
        if a["plan_id"] != b["plan_id"] and b["at"] >= "2025-07":
            change = tier_change(d, a, b)
            groups[b["at"][:7]][0 if change > 0 else 1 if change < 0 else 2] += 1
    return [[m, *groups[m]] for m in sorted(groups, reverse=True)]


@gallery("17-tier-distribution")
def _(d):
    tiers = Counter(u["tier"] for u in d.users)
    return [[t, n, Rounded(100 * n / len(d.users), 1)] for t, n in sorted(tiers.items())]


@gallery("18-growth-by-week")
def _(d):
    weeks = Counter(monday(moment(u["created_at"]).date()) for u in d.users)
    result = []
    for back in range(12):
        week = monday(TODAY) - timedelta(days=7 * back)
        now, before = weeks[week], weeks[week - timedelta(days=7)]
        result.append([week.isoformat(), now, before, Rounded(100 * (now - before) / before, 1) if before else None])
    return result


@gallery("19-time-to-first-payment")
def _(d):
    counts = Counter()
    for u in d.users:
        times = [p["created_at"] for p in d.payments_of[u["id"]] if p["status"] in ("succeeded", "refunded", "disputed")]
        days = days_between(u["created_at"], min(times)) if times else None
        limits = ((1, "within a day"), (7, "within a week"), (14, "within two weeks"), (30, "within 30 days"), (10 ** 9, "later"))
        counts["not yet" if days is None else next(name for limit, name in limits if days < limit)] += 1
    names = ("within a day", "within a week", "within two weeks", "within 30 days", "later", "not yet")
    return [[name, counts[name], Rounded(100 * counts[name] / len(d.users), 1)] for name in names if counts[name]]


@gallery("20-reactivations")
def _(d):
    by_user = defaultdict(list)
    for r in d.history:
        if not r["status"].startswith("incomplete"):
            by_user[r["user_id"]].append(r)
    result = []
    for user, rows in by_user.items():
        rows.sort(key=lambda r: (r["at"], r["subscription_id"]))
        for a, b in zip(rows, rows[1:]):
            if a["status"] in ("canceled", "unpaid", "paused") and b["status"] in ("trialing", "active") and b["at"] >= "2025-06-15T12:00:00Z":
                result.append([b["at"], user, email(d, user), d.code(b), a["status"], a["at"], int(days_between(a["at"], b["at"]))])
    return sorted(sorted(result, key=lambda r: r[1]), key=lambda r: r[0], reverse=True)[:60]


@gallery("21-plans-without-subscribers")
def _(d):
    used = {s["plan_id"] for s in d.subs if s["status"] in LIVE}
    result = []
    for p in sorted(d.plans, key=lambda p: (-p["is_active"], p["code"])):
        if p["price_cents"] and p["id"] not in used:
            past = {r["subscription_id"] for r in d.history if r["plan_id"] == p["id"]}
            result.append([p[c] for c in ("code", "name", "price_cents", "currency", "billing_period", "is_active")] + [len(past)])
    return result


@gallery("22-duplicate-addresses")
def _(d):
    boxes = defaultdict(list)
    for u in d.users:
        local, domain = u["email"].lower().split("@")
        local = local[0] + local[1:].split("+")[0]
        boxes[local.replace(".", "") + "@" + domain].append((u["email"], u["id"]))
    rows = [[box, len(v), ", ".join(e for e, _ in sorted(v)), ", ".join(i for _, i in sorted(v))] for box, v in boxes.items() if len(v) > 1]
    return sorted(rows, key=lambda r: (-r[1], r[0]))[:60]


@gallery("23-admins")
def _(d):
    result = []
    for u in sorted(d.users, key=lambda u: u["created_at"]):
        if u["is_admin"]:
            methods = ("password", "code") if u["provider"] == "local" else (u["provider"],)
            last = max((s["day"] for s in d.sign_ins if s["method"] in methods), default=None)
            result.append([u[c] for c in ("id", "email", "username", "provider", "email_verified", "is_active", "created_at")] + [last])
    return result


@gallery("24-disputed-payments")
def _(d):
    rows = sorted((p for p in d.payments if p["status"] == "disputed"), key=lambda p: p["created_at"], reverse=True)
    return [[p["id"], p["created_at"], p["user_id"], email(d, p["user_id"]), d.code(p), p["amount_cents"], p["refunded_cents"], p["currency"], d.sub[p["subscription_id"]]["status"], d.sub[p["subscription_id"]]["has_access"]] for p in rows][:60]


# ---- the comparison


def cells_equal(wanted, got):
    if isinstance(wanted, Rounded):
        return wanted.equals(got)
    return wanted == got and isinstance(wanted, str) == isinstance(got, str)


def rows_equal(wanted, got, ordered):
    if len(wanted) != len(got):
        return False
    if ordered:
        return all(len(a) == len(b) and all(map(cells_equal, a, b)) for a, b in zip(wanted, got))
    rest = list(got)
    for row in wanted:
        match = next((i for i, other in enumerate(rest) if len(row) == len(other) and all(map(cells_equal, row, other))), None)
        if match is None:
            return False
        rest.pop(match)
    return True


def dump(items, opening, closing):
    def lines(mapping, indent):
        inner = []
        for key, value in mapping.items():
            if isinstance(value, dict):
                text = "{\n" + lines(value, indent + "  ") + f"\n{indent}}}"
            else:
                text = json.dumps(value, ensure_ascii=False)
            inner.append(f"{indent}{json.dumps(key)}: {text}")
        return ",\n".join(inner)
    if isinstance(items, dict):
        return f"{opening}\n{lines(items, '  ')}\n{closing}\n"
    return f"{opening}\n" + ",\n".join("  {\n" + lines(item, "    ") + "\n  }" for item in items) + f"\n{closing}\n"


def main():
    questions_path, answers_path = HERE / "questions.json", HERE / "gallery-answers.json"
    questions = json.loads(questions_path.read_text(encoding="utf-8"))
    statements = {path.stem: path.read_text(encoding="utf-8") for path in sorted((ROOT / "functions/reports/gallery").glob("*.sql"))}
    runners = {name: Runner(name) for name in FIXTURES}
    if "--record" in sys.argv:
        for item in questions:
            item["rows"] = item["sql"] and {name: runner.run(item["sql"])[1] for name, runner in runners.items()}
        answers = {name: {f: runner.run(sql)[1] for f, runner in runners.items()} for name, sql in statements.items()}
        questions_path.write_text(dump(questions, "[", "]"), encoding="utf-8")
        answers_path.write_text(dump(answers, "{", "}"), encoding="utf-8")
    answers = json.loads(answers_path.read_text(encoding="utf-8"))
    assert list(answers) == list(statements) and len(statements) == 24
    kinds = Counter(item["kind"] for item in questions)
    assert kinds == {"easy": 30, "joins": 40, "windows": 30, "unanswerable": 10, "hostile": 10}, kinds

    failures, checked = [], Counter()

    def check(name, sql, recorded, ordered, independent, fixture):
        runner = runners[fixture]
        columns, rows = runner.run(sql)
        again = runner.run(sql)[1]
        if rows != again or json.loads(json.dumps(rows)) != recorded or len(rows) > 60 or len(set(columns)) != len(columns):
            failures.append(f"{name} on {fixture}: the recorded rows differ")
        if independent:
            checked[fixture] += 1
            wanted = independent(Data(runner.tables))
            if not rows_equal(wanted, rows, ordered):
                shown = [[c.value if isinstance(c, Rounded) else c for c in row] for row in wanted]
                failures.append(f"{name} on {fixture}: Python computes {shown[:8]}, the statement {rows[:8]}")

    for item in questions:
        if item["sql"] is None:
            assert item["rows"] is None and item["kind"] in ("unanswerable", "hostile")
            continue
        assert not item["sql"].rstrip().endswith(";")
        for fixture in FIXTURES:
            check(item["id"], item["sql"], item["rows"][fixture], item["ordered"], ANSWERS.get(item["id"]), fixture)
    for name, sql in statements.items():
        head = sql.split("\n")[:3]
        assert head[0].startswith("-- title: ") and head[1].startswith("-- description: ") and head[2].startswith("-- "), name
        for fixture in FIXTURES:
            check(name, sql, answers[name][fixture], True, GALLERY.get(name), fixture)
    for failure in failures:
        print(failure)
    print(f"{len(questions)} questions, {len(statements)} of the gallery; verified in Python: {dict(checked)}; {len(failures)} failures")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
