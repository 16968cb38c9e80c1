-- title: Disputed payments
-- description: Payments with a dispute that is open or lost, the newest first, with the state of the subscription.
-- assumes: at most 60 rows; when a dispute is won, the payment returns to its previous status and is no longer listed
select pay.id as payment_id, pay.created_at, pay.user_id, u.email, p.code as plan, pay.amount_cents, pay.refunded_cents, pay.currency,
    s.status as subscription_status, s.has_access
from payments pay
left join users u on u.id = pay.user_id
left join plans p on p.id = pay.plan_id
left join subscriptions s on s.id = pay.subscription_id
where pay.status = 'disputed'
order by pay.created_at desc, pay.id
limit 60
