"""The answers to questions.json, computed without SQL."""

from collections import Counter, defaultdict
from datetime import date, timedelta
from statistics import median

from data import (
    LIVE, NOW_AT, PAYING, Rounded, TODAY, count, customer_totals, days_between, flat, moment, monday,
    month_of, months, net, next_month, number, share_by, sums, tier_change, yearly,
)

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
