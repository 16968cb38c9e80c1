-- title: MRR by plan
-- description: Monthly recurring revenue and the number of paying subscriptions of each plan, by currency.
-- assumes: counts subscriptions that are active, or past due with access; a yearly price counts as a twelfth, a weekly one as 52 twelfths
with paying as (
    select plan_id, currency,
        price_cents * case billing_period when 'day' then 365 when 'week' then 52 when 'month' then 12 else 1 end
            / interval_count as yearly_cents
    from subscriptions
    where status in ('active', 'past_due') and has_access = 1
)
select p.code, p.name, paying.currency, count(*) as subscriptions, sum(paying.yearly_cents) / 12 as mrr_cents
from paying
left join plans p on p.id = paying.plan_id
group by paying.currency, paying.plan_id
order by paying.currency, mrr_cents desc, p.code
