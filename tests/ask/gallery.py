"""The rows of the reports of the gallery, computed without SQL."""

from collections import Counter, defaultdict
from datetime import date, timedelta

from data import (
    LIVE, NOW_AT, PAYING, PER_YEAR, Rounded, TODAY, before_now, customer_totals, days_between, moment, monday,
    month_of, months, next_month, share_by, sums, tier_change, yearly,
)
from runner import NOW

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
