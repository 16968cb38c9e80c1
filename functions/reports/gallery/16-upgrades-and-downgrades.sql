-- title: Upgrades and downgrades
-- description: Changes to a plan of a higher, a lower and the same tier in each of the last 12 months.
-- assumes: compares the tiers that the plans have today; a new subscription in place of an ended one is not a change
with changes as (
    select at, plan_id, lag(plan_id) over (partition by subscription_id order by at) as previous_plan_id
    from subscription_history
)
select substr(c.at, 1, 7) as month,
    sum(new.tier > old.tier) as upgrades,
    sum(new.tier < old.tier) as downgrades,
    sum(new.tier = old.tier) as same_tier
from changes c
join plans new on new.id = c.plan_id
join plans old on old.id = c.previous_plan_id
where c.plan_id <> c.previous_plan_id and c.at >= date('now', 'start of month', '-11 months')
group by month
order by month desc
