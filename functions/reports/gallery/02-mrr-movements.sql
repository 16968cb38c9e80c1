-- title: MRR movements by month
-- description: New, expansion, contraction, churned and reactivated monthly recurring revenue of the last 12 months, by currency.
-- assumes: compares each customer at the end of two months; a plan that a subscription has left counts at its list price times the quantity
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
events as (
    select user_id, currency, substr(starts, 1, 7) as month, yearly_cents as change_cents from paid
    union all
    select user_id, currency, substr(ends, 1, 7), -yearly_cents from paid where ends is not null
),
changes as (
    select user_id, currency, month, sum(change_cents) as change_cents from events group by user_id, currency, month
),
balances as (
    select month, currency,
        sum(change_cents) over customer - change_cents as before_cents,
        sum(change_cents) over customer as after_cents,
        row_number() over customer = 1 as is_first
    from changes
    window customer as (partition by user_id, currency order by month)
)
select month, currency,
    sum(iif(before_cents = 0 and is_first, after_cents, 0)) / 12 as new_cents,
    sum(iif(before_cents > 0 and after_cents > before_cents, after_cents - before_cents, 0)) / 12 as expansion_cents,
    sum(iif(after_cents > 0 and after_cents < before_cents, before_cents - after_cents, 0)) / 12 as contraction_cents,
    sum(iif(after_cents = 0, before_cents, 0)) / 12 as churn_cents,
    sum(iif(before_cents = 0 and not is_first, after_cents, 0)) / 12 as reactivation_cents
from balances
where before_cents <> after_cents and month >= strftime('%Y-%m', 'now', 'start of month', '-11 months')
group by month, currency
order by month desc, currency
