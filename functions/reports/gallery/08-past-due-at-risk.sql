-- title: Past due: revenue at risk
-- description: Subscriptions that are past due or unpaid, since when, whether they still have access, and the monthly revenue that is at risk.
-- assumes: a subscription keeps access for the grace period after the first refused payment; email is null for a deleted user
select s.id as subscription_id, u.email, p.code as plan, s.status, s.has_access, max(h.at) as since,
    s.price_cents * case s.billing_period when 'day' then 365 when 'week' then 52 when 'month' then 12 else 1 end
        / s.interval_count / 12 as mrr_cents,
    s.currency
from subscriptions s
left join users u on u.id = s.user_id
left join plans p on p.id = s.plan_id
left join subscription_history h on h.subscription_id = s.id and h.status = s.status
where s.status in ('past_due', 'unpaid')
group by s.id
order by s.currency, mrr_cents desc, s.id
limit 60
