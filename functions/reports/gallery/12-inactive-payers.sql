-- title: Payers who cannot sign in
-- description: Subscriptions that go on although the account of their user is disabled or deleted.
-- assumes: at most 60 rows; a subscription goes on while it is trialing, active, past due, unpaid or paused
select s.id as subscription_id, s.user_id, u.email, iif(u.id is null, 'deleted', 'disabled') as account,
    s.status, s.price_cents, s.currency, s.billing_period, s.interval_count, s.cancel_at_period_end, s.current_period_end
from subscriptions s
left join users u on u.id = s.user_id
where s.status in ('trialing', 'active', 'past_due', 'unpaid', 'paused') and (u.id is null or u.is_active = 0)
order by s.price_cents desc, s.id
limit 60
