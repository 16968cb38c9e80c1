-- title: Plans without subscribers
-- description: Plans that no live subscription uses, with the number of subscriptions that once had them.
-- assumes: the free plan is left out, because it has no subscriptions
select p.code, p.name, p.price_cents, p.currency, p.billing_period, p.is_active,
    (select count(distinct h.subscription_id) from subscription_history h where h.plan_id = p.id) as past_subscriptions
from plans p
where p.price_cents > 0
    and not exists (
        select 1 from subscriptions s
        where s.plan_id = p.id and s.status in ('trialing', 'active', 'past_due', 'unpaid', 'paused')
    )
order by p.is_active desc, p.code
