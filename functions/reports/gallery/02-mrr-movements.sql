-- title: MRR movements by month
-- description: New, expansion, contraction, churned and reactivated monthly recurring revenue of the last 12 months, by currency.
-- assumes: compares each customer at the end of two months; a plan that a subscription has left counts at its list price times the quantity
with recursive months(starts) as (
    select date('now', 'start of month', '-11 months')
    union all
    select date(starts, '+1 month') from months where starts < date('now', 'start of month')
),
moments as (
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
customers as (
    select user_id, currency, min(starts) as first_paid_at from paid group by user_id, currency
),
balances as (
    select months.starts as month, c.user_id, c.currency, c.first_paid_at,
        total(case when paid.starts < months.starts and (paid.ends is null or paid.ends >= months.starts)
            then paid.yearly_cents end) as before_cents,
        total(case when paid.starts < date(months.starts, '+1 month')
            and (paid.ends is null or paid.ends >= date(months.starts, '+1 month'))
            then paid.yearly_cents end) as after_cents
    from months
    cross join customers c
    join paid on paid.user_id = c.user_id and paid.currency = c.currency
    group by months.starts, c.user_id, c.currency
)
select substr(month, 1, 7) as month, currency,
    cast(total(case when before_cents = 0 and first_paid_at >= month then after_cents end) / 12 as integer) as new_cents,
    cast(total(case when before_cents > 0 and after_cents > before_cents then after_cents - before_cents end) / 12 as integer)
        as expansion_cents,
    cast(total(case when after_cents > 0 and after_cents < before_cents then before_cents - after_cents end) / 12 as integer)
        as contraction_cents,
    cast(total(case when after_cents = 0 then before_cents end) / 12 as integer) as churn_cents,
    cast(total(case when before_cents = 0 and first_paid_at < month then after_cents end) / 12 as integer)
        as reactivation_cents
from balances
group by month, currency
order by month desc, currency
