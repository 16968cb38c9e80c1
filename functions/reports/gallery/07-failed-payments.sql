-- title: Failed payments to chase
-- description: Payments that failed in the last 30 days and were not followed by a successful payment of the same subscription, with the address to write to.
-- assumes: leaves out subscriptions that have ended and users who were deleted
with latest as (
    select subscription_id, max(created_at) as paid_at from payments where status = 'succeeded' group by subscription_id
)
select pay.id as payment_id, pay.created_at, u.email, pay.amount_cents, pay.currency, s.status as subscription_status,
    cast(julianday('now') - julianday(pay.created_at) as integer) as days_open
from payments pay
join users u on u.id = pay.user_id
join subscriptions s on s.id = pay.subscription_id
left join latest on latest.subscription_id = pay.subscription_id
where pay.status = 'failed'
    and pay.created_at >= strftime('%FT%TZ', 'now', '-30 days')
    and s.status not in ('canceled', 'incomplete_expired')
    and (latest.paid_at is null or latest.paid_at < pay.created_at)
order by pay.created_at, pay.id
limit 60
