-- title: Growth week on week
-- description: Registrations of each of the last 12 weeks, from Monday to Sunday, and the change against the week before.
-- assumes: the current week is not complete; deleted users are not counted
with recursive weeks(starts) as (
    select date('now', 'weekday 0', '-6 days', '-84 days')
    union all
    select date(starts, '+7 days') from weeks where starts < date('now', 'weekday 0', '-6 days')
),
counts as (
    select w.starts, count(u.id) as sign_ups
    from weeks w
    left join users u on u.created_at >= w.starts and u.created_at < date(w.starts, '+7 days')
    group by w.starts
),
compared as (
    select starts, sign_ups, lag(sign_ups) over (order by starts) as week_before from counts
)
select starts as week, sign_ups, week_before,
    round(100.0 * (sign_ups - week_before) / nullif(week_before, 0), 1) as growth_percent
from compared
where week_before is not null
order by week desc
