-- title: Churn in the last 30 days
-- description: The customers who paid 30 days ago and do not pay now, with their share of all customers and of recurring revenue, by currency.
-- assumes: a customer pays while a subscription is active or past due; reads the subscription history
with moments as (
    select subscription_id, user_id, plan_id, status, at as starts,
        lead(at) over (partition by subscription_id order by at) as ends
    from subscription_history
),
paid as (
    select m.user_id, s.currency, m.starts, m.ends,
        case
            when m.plan_id = s.plan_id then s.price_cents
                * case s.billing_period when 'day' then 365 when 'week' then 52 when 'month' then 12 else 1 end / s.interval_count
            else p.price_cents * s.quantity * case p.billing_period when 'month' then 12 else 1 end
        end as yearly_cents
    from moments m
    join subscriptions s on s.id = m.subscription_id
    left join plans p on p.id = m.plan_id
    where m.status in ('active', 'past_due')
),
balances as (
    select user_id, currency,
        total(case when starts <= strftime('%FT%TZ', 'now', '-30 days')
            and (ends is null or ends > strftime('%FT%TZ', 'now', '-30 days')) then yearly_cents end) as before_cents,
        total(case when ends is null then yearly_cents end) as after_cents
    from paid
    group by user_id, currency
)
select currency,
    count(*) as customers,
    sum(after_cents = 0) as lost_customers,
    round(100.0 * sum(after_cents = 0) / count(*), 2) as customer_churn_percent,
    cast(sum(before_cents) / 12 as integer) as mrr_cents,
    cast(total(case when after_cents = 0 then before_cents end) / 12 as integer) as lost_mrr_cents,
    round(100.0 * total(case when after_cents = 0 then before_cents end) / sum(before_cents), 2) as revenue_churn_percent
from balances
where before_cents > 0
group by currency
order by currency
