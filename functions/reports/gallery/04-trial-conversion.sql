-- title: Trial conversion by plan
-- description: How many trials of each plan have started, are still running and became paid subscriptions, with the share of the ended trials that did.
-- assumes: the plan is that of the first day of the trial; a trial is converted when the subscription was active at any time after it
with trials as (
    select subscription_id, plan_id, min(at) as started_at
    from subscription_history
    where status = 'trialing'
    group by subscription_id
),
outcomes as (
    select t.plan_id, s.status = 'trialing' as is_running,
        t.subscription_id in (select subscription_id from subscription_history where status = 'active') as is_converted
    from trials t
    join subscriptions s on s.id = t.subscription_id
)
select p.code, count(*) as trials, sum(o.is_running) as running, sum(o.is_converted) as converted,
    round(100.0 * sum(o.is_converted) / nullif(sum(not o.is_running), 0), 2) as conversion_percent
from outcomes o
left join plans p on p.id = o.plan_id
group by o.plan_id
order by trials desc, p.code
