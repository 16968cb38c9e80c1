-- title: Time to the first payment
-- description: How long after the registration users made their first payment.
-- assumes: counts users who still exist; users who never paid are in the last row
with firsts as (
    select user_id, min(created_at) as paid_at
    from payments
    where status in ('succeeded', 'refunded', 'disputed')
    group by user_id
),
delays as (
    select julianday(f.paid_at) - julianday(u.created_at) as days
    from users u
    left join firsts f on f.user_id = u.id
),
buckets as (
    select case
        when days is null then '6 not yet'
        when days < 1 then '1 within a day'
        when days < 7 then '2 within a week'
        when days < 14 then '3 within two weeks'
        when days < 30 then '4 within 30 days'
        else '5 later'
    end as bucket
    from delays
)
select substr(bucket, 3) as first_payment, count(*) as users, round(100.0 * count(*) / sum(count(*)) over (), 1) as percent
from buckets
group by bucket
order by bucket
