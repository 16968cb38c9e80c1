-- title: Retention of payers by cohort
-- description: Of the customers who first paid in each month, the percentage that still paid 1, 3, 6 and 12 months after the first payment.
-- assumes: null where not all of the cohort are that old yet; a customer pays while a subscription is active or past due
with payers as (
    select user_id, min(created_at) as first_at
    from payments
    where status in ('succeeded', 'refunded', 'disputed')
    group by user_id
),
moments as (
    select user_id, status, at as starts, lead(at, 1, '9999') over (partition by subscription_id order by at) as ends
    from subscription_history
),
retained as (
    select p.user_id, substr(p.first_at, 1, 7) as cohort,
        max(strftime('%FT%TZ', p.first_at, '+1 month') >= m.starts and strftime('%FT%TZ', p.first_at, '+1 month') < m.ends) as after_1,
        max(strftime('%FT%TZ', p.first_at, '+3 months') >= m.starts and strftime('%FT%TZ', p.first_at, '+3 months') < m.ends) as after_3,
        max(strftime('%FT%TZ', p.first_at, '+6 months') >= m.starts and strftime('%FT%TZ', p.first_at, '+6 months') < m.ends) as after_6,
        max(strftime('%FT%TZ', p.first_at, '+12 months') >= m.starts and strftime('%FT%TZ', p.first_at, '+12 months') < m.ends) as after_12
    from payers p
    left join moments m on m.user_id = p.user_id and m.status in ('active', 'past_due')
    group by p.user_id
)
select cohort, count(*) as payers,
    iif(date(cohort || '-01', '+2 months') <= date('now'), round(100.0 * total(after_1) / count(*), 1), null) as percent_after_1,
    iif(date(cohort || '-01', '+4 months') <= date('now'), round(100.0 * total(after_3) / count(*), 1), null) as percent_after_3,
    iif(date(cohort || '-01', '+7 months') <= date('now'), round(100.0 * total(after_6) / count(*), 1), null) as percent_after_6,
    iif(date(cohort || '-01', '+13 months') <= date('now'), round(100.0 * total(after_12) / count(*), 1), null) as percent_after_12
from retained
group by cohort
order by cohort desc
limit 24
