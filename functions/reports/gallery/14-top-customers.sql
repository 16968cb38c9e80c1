-- title: Top customers
-- description: The ten customers of each currency who have paid most, net of refunds, since the beginning.
-- assumes: disputed payments are not counted; email is null for a deleted user
with totals as (
    select user_id, currency, sum(amount_cents - refunded_cents) as net_cents, count(*) as payments
    from payments
    where status = 'succeeded'
    group by user_id, currency
),
ranked as (
    select *, row_number() over (partition by currency order by net_cents desc, user_id) as place
    from totals
)
select r.currency, r.place, r.user_id, u.email, r.net_cents, r.payments
from ranked r
left join users u on u.id = r.user_id
where r.place <= 10
order by r.currency, r.place
