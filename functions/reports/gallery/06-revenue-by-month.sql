-- title: Revenue by month
-- description: What was paid in each of the last 12 months, what of it was refunded and what remains, by currency.
-- assumes: a refund counts in the month of its payment, because the date of a refund is not in the tables; disputed payments are not revenue
select substr(created_at, 1, 7) as month, currency,
    count(*) as payments,
    sum(amount_cents) as paid_cents,
    sum(iif(status = 'refunded', amount_cents, refunded_cents)) as refunded_cents,
    sum(iif(status = 'refunded', 0, amount_cents - refunded_cents)) as net_cents
from payments
where status in ('succeeded', 'refunded') and created_at >= date('now', 'start of month', '-11 months')
group by month, currency
order by month desc, currency
