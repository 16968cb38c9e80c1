"""The rows of a fixture, and what the independent computations derive from them."""

from collections import Counter, defaultdict
from datetime import datetime, timedelta, timezone

from runner import NOW

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


def tier_change(d, a, b):
    return d.plan[b["plan_id"]]["tier"] - d.plan[a["plan_id"]]["tier"]
