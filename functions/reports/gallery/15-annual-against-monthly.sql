-- title: Annual against monthly
-- description: Paying subscriptions and monthly recurring revenue by billing interval, with the share of each interval in its currency.
-- assumes: counts subscriptions that are active, or past due with access; month with a count of 3 is a quarter
with paying as (
    select currency, billing_period, interval_count,
        price_cents * case billing_period when 'day' then 365 when 'week' then 52 when 'month' then 12 else 1 end
            / interval_count as yearly_cents
    from subscriptions
    where status in ('active', 'past_due') and has_access = 1
)
select currency, billing_period, interval_count, count(*) as subscriptions, sum(yearly_cents) / 12 as mrr_cents,
    round(100.0 * sum(yearly_cents) / nullif(sum(sum(yearly_cents)) over (partition by currency), 0), 1) as mrr_percent
from paying
group by currency, billing_period, interval_count
order by currency, mrr_cents desc, billing_period, interval_count
