-- title: Sign-ins per method
-- description: Sign-ins of the last 30 days by method, with the share of each method and the change against the 30 days before.
-- assumes: the last 30 days end with today, which is not complete; users are counted per day, so their average is shown, not their sum
with periods as (
    select method, sign_ins, users, day > date('now', '-30 days') as is_current
    from sign_ins_by_day
    where day > date('now', '-60 days') and day <= date('now')
)
select method,
    sum(iif(is_current, sign_ins, 0)) as sign_ins,
    round(100.0 * sum(iif(is_current, sign_ins, 0)) / nullif(sum(sum(iif(is_current, sign_ins, 0))) over (), 0), 1) as percent,
    round(sum(iif(is_current, users, 0)) / 30.0, 1) as users_per_day,
    sum(iif(is_current, 0, sign_ins)) as sign_ins_before,
    round(100.0 * sum(iif(is_current, sign_ins, -sign_ins)) / nullif(sum(iif(is_current, 0, sign_ins)), 0), 1) as change_percent
from periods
group by method
order by sign_ins desc, method
