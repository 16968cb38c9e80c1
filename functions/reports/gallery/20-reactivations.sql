-- title: Reactivations
-- description: Customers who came back in the last 12 months after their subscription had ended, was unpaid or was paused, the latest first.
-- assumes: a new subscription and the same one count alike; email is null for a deleted user
with moments as (
    select user_id, at, plan_id, status,
        lag(status) over (partition by user_id order by at, subscription_id) as previous_status,
        lag(at) over (partition by user_id order by at, subscription_id) as previous_at
    from subscription_history
    where status not in ('incomplete', 'incomplete_expired')
)
select m.at as back_at, m.user_id, u.email, p.code as plan, m.previous_status as was, m.previous_at as since,
    cast(julianday(m.at) - julianday(m.previous_at) as integer) as days_away
from moments m
left join users u on u.id = m.user_id
left join plans p on p.id = m.plan_id
where m.status in ('trialing', 'active') and m.previous_status in ('canceled', 'unpaid', 'paused')
    and m.at >= strftime('%FT%TZ', 'now', '-12 months')
order by m.at desc, m.user_id
limit 60
