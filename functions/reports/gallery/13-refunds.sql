-- title: Refunds
-- description: The payments of the last 180 days that were refunded in full or in part, the newest first.
-- assumes: created_at is the date of the payment: the date of the refund is not in the tables
select pay.id as payment_id, pay.created_at, u.email, p.code as plan, pay.amount_cents, pay.refunded_cents, pay.currency,
    iif(pay.status = 'refunded', 'full', 'partial') as refund
from payments pay
left join users u on u.id = pay.user_id
left join plans p on p.id = pay.plan_id
where (pay.status = 'refunded' or pay.refunded_cents > 0) and pay.created_at >= strftime('%FT%TZ', 'now', '-180 days')
order by pay.created_at desc, pay.id
limit 60
